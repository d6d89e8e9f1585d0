/**
 * The same names are checked again and again: a repository at every cache, a branch at every build.
 */
const MAX_NAMES = 2_048;

/** A hostile name may have any length. A name that is too long to be valid is not kept. */
const MAX_LENGTH = 512;

/**
 * Remembers the results of a pure function for the last names, at most 2,048.
 *
 * @param describe - its result must depend only on the name
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
    // The same request is often evaluated for many caches in a row.
    if (name === lastName && lastDescription !== undefined) return lastDescription;
    const remembered = known.get(name);
    if (remembered === undefined && name.length > MAX_LENGTH) return describe(name);
    const description = remembered ?? remember(name);
    lastName = name;
    lastDescription = description;
    return description;
  };
}

/** A copy of the text. A name cut out of a larger text would keep all of that in memory. */
export function detach(name: string): string {
  return String(JSON.parse(JSON.stringify(name)));
}
