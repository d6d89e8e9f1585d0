import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { removeTree } from "./remove-tree.ts";

/** The prefix of the private directories of processes. */
export const HOME_PREFIX = "eka-ci-caches-";
/** A socket on which its process listens. While it accepts connections, the process lives. */
export const LOCK_NAME = "owner";

/** How many directories are checked; everybody may use the parent. */
const MAX_HOMES = 1_000;
/** How long a lock may take to answer, in milliseconds. */
const ANSWER_MS = 1_000;
/** How long to wait before a refusing lock is asked again, in milliseconds. */
const SECOND_LOOK_MS = 1_000;

/**
 * Removes the homes of dead processes below a parent. A home is ours by its name, owner and mode. Its process
 * is dead if nobody listens on its lock. A home without a lock may be about to get one, and stays.
 */
export async function sweepHomes(parent: string): Promise<void> {
  // A parent that cannot be read is skipped; the run itself will report the problem.
  const names = await readdir(parent).catch((): string[] => []);
  const homes = names.filter((name) => isHomeName(name)).slice(0, MAX_HOMES);
  const dead = await keep(
    homes.map((name) => join(parent, name)),
    async (home) => (await isOurs(home)) && isDead(join(home, LOCK_NAME)),
  );
  if (dead.length === 0) return;
  // A lock is bound shortly before it listens, and refuses in between.
  await sleep(SECOND_LOOK_MS, undefined, { ref: false });
  // Another process may be sweeping too. The next sweep finds what stays.
  for (const home of await keep(dead, (path) => isDead(join(path, LOCK_NAME))))
    await removeTree(home).catch(() => undefined);
}

async function keep(
  paths: readonly string[],
  test: (path: string) => Promise<boolean>,
): Promise<readonly string[]> {
  const kept: string[] = [];
  for (const path of paths) if (await test(path)) kept.push(path);
  return kept;
}

function isHomeName(name: string): boolean {
  return name.startsWith(HOME_PREFIX) && /^[A-Za-z0-9]{6}$/u.test(name.slice(HOME_PREFIX.length));
}

/**
 * A home may disappear meanwhile, because living processes remove theirs; the others are still checked.
 */
async function isOurs(home: string): Promise<boolean> {
  const status = await lstat(home).catch(() => undefined);
  return (
    status?.isDirectory() === true && status.uid === process.getuid?.() && (status.mode & 0o777) === 0o700
  );
}

/** Whether a connection is refused; in any other case the process may live. */
async function isDead(lock: string): Promise<boolean> {
  const isSocket = await lstat(lock).then(
    (status) => status.isSocket(),
    () => false,
  );
  if (!isSocket) return false;
  const { connect } = await import("node:net");
  return new Promise((resolve) => {
    const connection = connect(lock);
    const end = (isRefused: boolean): void => {
      connection.destroy();
      resolve(isRefused);
    };
    connection.setTimeout(ANSWER_MS, () => end(false));
    connection.once("connect", () => end(false));
    connection.once("error", (error) => end("code" in error && error.code === "ECONNREFUSED"));
  });
}
