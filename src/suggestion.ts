import leven from "leven";

/** Longest name that is compared, in UTF-16 units; the work grows with the square of it. */
const MAX_LENGTH = 64;

/**
 * Finds the known name that someone who wrote another may have meant: the same but for letter case, hyphens and underscores,
 * the same letters in another order, or at most a third of the letters different.
 *
 * @param name - what was written
 * @param known - the names there are
 * @returns one of `known`, or nothing
 */
export function findNearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > MAX_LENGTH) return undefined;
  const written = fold(name);
  const ranked = known
    .map((candidate) => ({ candidate, distance: measure(written, fold(candidate)) }))
    .filter(({ distance }) => distance <= Math.max(1, Math.floor(written.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}

function measure(written: string, candidate: string): number {
  if (written === candidate) return 0;
  if (written.length > 1 && sortLetters(written) === sortLetters(candidate)) return 1;
  // A single letter is near to every other.
  return Math.min(written.length, candidate.length) < 2
    ? Number.POSITIVE_INFINITY
    : leven(written, candidate);
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_ ]/gu, "");
}

function sortLetters(name: string): string {
  return [...name].sort().join("");
}

/** Asks whether a known name was meant, if one is near. */
export function didYouMean(name: string, known: readonly string[]): string | undefined {
  const nearest = findNearest(name, known);
  return nearest === undefined ? undefined : `Did you mean ${nearest}?`;
}
