import type { WriteStream } from "node:tty";
import cliProgress from "cli-progress";
import type { PushProgress } from "../index.ts";
import { show } from "./output.ts";
import type { PushProgressView } from "./push-progress-view.ts";

/** Longest name of a cache that is shown beside a bar. */
const MAX_NAME = 24;
const LONGEST_BAR = 40;
const SHORTEST_BAR = 5;
/** Room for the numbers beside a bar, as in ` 1234/1234 paths`. */
const NUMBERS = 16;
/** Brackets and blanks around a bar, and the column that terminals keep for the cursor. */
const FRAME = 4;

/** A bar for each cache, one below the other, as wide as the terminal allows. */
export function createProgressBars(stream: WriteStream, cacheIds: readonly string[]): PushProgressView {
  const longestName = Math.min(MAX_NAME, Math.max(4, stream.columns - SHORTEST_BAR - NUMBERS - FRAME));
  const cut = (name: string): string =>
    name.length > longestName ? `${name.slice(0, longestName - 3)}...` : name;
  const names = new Map(cacheIds.map((id) => [id, cut(show(id))]));
  const nameWidth = Math.max(0, ...[...names.values()].map(({ length }) => length));
  const room = stream.columns - nameWidth - NUMBERS - FRAME;
  const multi = new cliProgress.MultiBar({
    stream,
    format: "{name} [{bar}] {value}/{total} paths",
    barsize: Math.min(LONGEST_BAR, Math.max(SHORTEST_BAR, room)),
    barCompleteChar: "#",
    barIncompleteChar: "-",
    hideCursor: true,
    // The command handles signals itself, and stops the bars.
    gracefulExit: false,
  });
  const bars = new Map<string, cliProgress.SingleBar>();
  const barOf = (id: string): cliProgress.SingleBar => {
    const known = bars.get(id);
    if (known !== undefined) return known;
    const bar = multi.create(0, 0, { name: (names.get(id) ?? cut(show(id))).padEnd(nameWidth) });
    bars.set(id, bar);
    return bar;
  };
  return {
    update: (progress: PushProgress) => {
      // While the total is not known, a bar would be full.
      if (progress.type !== "paths") return;
      const bar = barOf(progress.cacheId);
      bar.setTotal(progress.expected);
      bar.update(progress.done);
    },
    stop: () => multi.stop(),
  };
}
