/**
 * Grammar of a pattern of names of store paths: the characters that such names have
 * (https://nix.dev/manual/nix/latest/store/store-path), and `*` for any text, including none.
 */
export const NAME_PATTERN: RegExp = /^(?=.{1,211}$)[0-9A-Za-z+._?=-]*(?:\*[0-9A-Za-z+._?=-]*){0,8}$/u;

/** Whether a whole name matches a pattern. It takes time linear in the length of both. */
export function matchesNamePattern(pattern: string, name: string): boolean {
  const [head = "", ...parts] = pattern.split("*");
  if (parts.length === 0) return name === pattern;
  const tail = parts.pop() ?? "";
  if (!name.startsWith(head) || name.length < head.length + tail.length || !name.endsWith(tail)) return false;
  const end = name.length - tail.length;
  let at = head.length;
  for (const part of parts) {
    const found = name.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
