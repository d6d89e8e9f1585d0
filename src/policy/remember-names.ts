/**
 * Names are asked about again and again: the same repository at every cache, the same branch at every build.
 */
const MAX_NAMES = 2_048;

/** A hostile name may be of any length; one that is longer than any valid one is not worth keeping. */
const MAX_LENGTH = 512;

/**
 * Remembers what a pure function says of the names it was asked last, at most 2,048 of them. The answers are
 * the same as without.
 *
 * @param describe - must depend on the name alone
 */
export function rememberNames<Description>(
  describe: (name: string) => Description,
): (name: string) => Description {
  const known = new Map<string, Description>();
  const remember = (name: string): Description => {
    const copy = detach(name);
    const description = describe(copy);
    if (known.size >= MAX_NAMES) known.clear();
    known.set(copy, description);
    return description;
  };
  let lastName: string | undefined;
  let lastDescription: Description | undefined;
  return (name) => {
    // One request is asked about at many caches in a row.
    if (name === lastName && lastDescription !== undefined) return lastDescription;
    const remembered = known.get(name);
    if (remembered === undefined && name.length > MAX_LENGTH) return describe(name);
    const description = remembered ?? remember(name);
    lastName = name;
    lastDescription = description;
    return description;
  };
}

/** The same text on its own: a name that was cut out of a larger text keeps all of that in memory. */
export function detach(name: string): string {
  return String(JSON.parse(JSON.stringify(name)));
}
