import { show } from "./output.ts";

/** Lines around a change. */
const CONTEXT = 3;

/** The difference of two texts, as a unified diff of one hunk; nothing if they are the same. */
export function formatDiff(name: string, before: string, after: string): readonly string[] {
  if (before === after) return [];
  const [old, fresh] = [before, after].map((text) => text.replace(/\n$/u, "").split("\n"));
  if (old === undefined || fresh === undefined) return [];
  const isSame = (one: number, other: number): boolean => old[one] === fresh[other];
  let head = 0;
  while (head < Math.min(old.length, fresh.length) && isSame(head, head)) head++;
  let tail = 0;
  const most = Math.min(old.length, fresh.length) - head;
  while (tail < most && isSame(old.length - 1 - tail, fresh.length - 1 - tail)) tail++;
  const start = Math.max(0, head - CONTEXT);
  const end = Math.max(0, tail - CONTEXT);
  const cut = (lines: readonly string[], mark: string, from: number, to: number): readonly string[] =>
    lines.slice(from, to).map((line) => `${mark}${line.split("\t").map(show).join("\t")}`);
  const lengthOf = (lines: readonly string[]): number => lines.length - end - start;
  return [
    ...[`--- ${show(name)}`, `+++ ${show(name)}`],
    `@@ -${start + 1},${lengthOf(old)} +${start + 1},${lengthOf(fresh)} @@`,
    ...cut(old, " ", start, head),
    ...cut(old, "-", head, old.length - tail),
    ...cut(fresh, "+", head, fresh.length - tail),
    ...cut(old, " ", old.length - tail, old.length - end),
  ];
}
