/** How many paths a message names. */
const MAX_NAMED = 5;

/** Lists some paths for a message, and how many more there are. */
export function listSome(storePaths: readonly string[]): string {
  const more = storePaths.length > MAX_NAMED ? ` and ${storePaths.length - MAX_NAMED} more` : "";
  return `${storePaths.slice(0, MAX_NAMED).join(", ")}${more}`;
}
