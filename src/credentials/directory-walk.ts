import { FileError } from "../core/errors.ts";
import type { FileSystem } from "../host/file-system.ts";

/** How many links are followed on one path; the kernel follows 40. */
const MAX_LINKS = 40;

/**
 * Lists every directory that determines where a path leads: those in the path, and those in the target of
 * each symbolic link on the way.
 *
 * @param path - an absolute path
 * @throws {@link FileError} for a path that leads nowhere
 */
export async function listDirectories(path: string, files: FileSystem): Promise<ReadonlySet<string>> {
  const directories = new Set<string>(["/"]);
  let pending = toSegments(path);
  let current = "";
  for (let links = 0; pending.length > 0; ) {
    const [segment = "", ...rest] = pending;
    pending = rest;
    if (segment === "..") {
      current = current.slice(0, current.lastIndexOf("/"));
      continue;
    }
    const next = `${current}/${segment}`;
    const target = await files.readLink(next);
    if (target === undefined) {
      current = next;
      if (rest.length > 0) directories.add(next);
      continue;
    }
    links++;
    if (links > MAX_LINKS)
      throw new FileError("ERR_FILE_NOT_REGULAR", "The path has too many symbolic links");
    if (target.startsWith("/")) current = "";
    pending = [...toSegments(target), ...rest];
  }
  return directories;
}

function toSegments(path: string): string[] {
  return path.split("/").filter((segment) => segment !== "" && segment !== ".");
}
