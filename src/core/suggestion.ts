import leven from "leven";

/** Longest name that is compared, in UTF-16 units. The time grows with its square. */
const MAX_LENGTH = 64;

/**
 * Finds the known name that was probably meant: it differs in case, hyphens or underscores, has the same
 * letters in another order, or at most a third of its letters differ.
 *
 * @param name - what was written
 * @param known - the names there are
 * @returns one of `known`, or nothing
 */
export function findNearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > MAX_LENGTH) return undefined;
  const written = fold(name);
  const reach = Math.max(1, Math.floor(written.length / 3));
  let nearest: string | undefined;
  let least = reach + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) > reach + MAX_SEPARATORS) continue;
    const distance = measure(written, fold(candidate), reach + 1);
    if (distance < least) [nearest, least] = [candidate, distance];
  }
  return nearest;
}

/** How many hyphens and underscores two names may differ by. */
const MAX_SEPARATORS = 4;

function measure(written: string, candidate: string, most: number): number {
  if (written === candidate) return 0;
  if (Math.abs(written.length - candidate.length) >= most) return most;
  // A single letter is close to every other.
  if (Math.min(written.length, candidate.length) < 2) return most;
  const distance = leven(written, candidate, { maxDistance: most });
  return distance > 1 && sortLetters(written) === sortLetters(candidate) ? 1 : distance;
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_ ]/gu, "");
}

function sortLetters(name: string): string {
  return [...name].sort().join("");
}

/** Asks whether a known name was meant. */
export function suggest(nearest: string): string {
  return `Did you mean ${nearest}?`;
}

/** Asks whether a known name was meant, if one is close. */
export function didYouMean(name: string, known: readonly string[]): string | undefined {
  const nearest = findNearest(name, known);
  return nearest === undefined ? undefined : suggest(nearest);
}
