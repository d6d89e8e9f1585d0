import { chmod, mkdtemp, readdir, rename, rmdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Longest path that is used, in bytes: systems accept at most 4 096, and a name has up to 255. */
const MAX_PATH_BYTES = 3_000;
/** How many files are removed at once. */
const PARALLEL = 64;

/**
 * Removes a directory with its content, however deep. What is deeper than the longest path is moved up first.
 * Links are removed, not followed.
 */
export async function removeTree(root: string): Promise<void> {
  const open = [root];
  for (let directory = open.at(-1); directory !== undefined; directory = open.at(-1)) {
    const children = await emptyOfFiles(directory);
    if (children.length === 0) {
      await withWriteAccess(dirname(directory), () => rmdir(directory));
      open.pop();
      continue;
    }
    for (const child of children) {
      const path = join(directory, child);
      if (Buffer.byteLength(path) <= MAX_PATH_BYTES) open.push(path);
      // Into a separate directory, whose name no tool can have used.
      else
        await withWriteAccess(directory, async () =>
          rename(path, join(await mkdtemp(join(root, "moved-")), "tree")),
        );
    }
  }
}

/** Removes everything but directories, and returns their names. */
async function emptyOfFiles(directory: string): Promise<readonly string[]> {
  const entries = await withWriteAccess(directory, () => readdir(directory, { withFileTypes: true }));
  const files = entries.filter((entry) => !entry.isDirectory());
  for (let start = 0; start < files.length; start += PARALLEL)
    await Promise.all(
      files
        .slice(start, start + PARALLEL)
        .map(({ name }) => withWriteAccess(directory, () => unlink(join(directory, name)))),
    );
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

/** Does something in a directory that a tool may have locked. */
async function withWriteAccess<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch {
    await chmod(directory, 0o700);
    return work();
  }
}
