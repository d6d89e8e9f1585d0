import { posix } from "node:path";
import { CommandError } from "../core/errors.ts";
import { quoteName } from "../core/text.ts";
import type { Runtime } from "../host/runtime.ts";

const { join, normalize } = posix;

/**
 * The directories that are searched for executables: those of the host's PATH that are absolute, not in a
 * `node_modules`, and not the working directory, both as written and after resolving links. So no program of
 * a checkout ever runs. Missing directories are left out.
 */
export async function toSafePath(path: string, runtime: Runtime): Promise<string> {
  const current = runtime.workingDirectory();
  const directories = path.split(":").flatMap((written) => {
    const directory = normalize(written).replace(/(?<=.)\/$/u, "");
    return directory.startsWith("/") && !written.split("/").includes("..") ? [directory] : [];
  });
  const [realCurrent, ...real] = await Promise.all(
    [current, ...directories].map((directory) => realPathOf(directory, runtime)),
  );
  const isSafe = (directory: string | undefined): boolean =>
    directory !== undefined &&
    directory !== current &&
    directory !== realCurrent &&
    !`${directory}/`.includes("/node_modules/");
  return directories.filter((directory, index) => isSafe(directory) && isSafe(real[index])).join(":");
}

async function realPathOf(path: string, { files }: Runtime): Promise<string | undefined> {
  try {
    return await files.realPath(path);
  } catch {
    return undefined; // A PATH may name directories that do not exist.
  }
}

/**
 * Finds an executable.
 *
 * @throws {@link CommandError} `ERR_COMMAND_NOT_FOUND`, `ERR_COMMAND_INVALID`
 */
export async function findExecutable(file: string, safePath: string, runtime: Runtime): Promise<string> {
  if (file.includes("/")) return checkAbsolute(file, runtime);
  for (const directory of safePath.split(":")) {
    const candidate = join(directory, file);
    if (directory !== "" && (await runtime.files.isExecutable(candidate))) return candidate;
  }
  throw notFound(file, "is not on the PATH");
}

async function checkAbsolute(file: string, runtime: Runtime): Promise<string> {
  if (!file.startsWith("/")) {
    throw new CommandError(
      "ERR_COMMAND_INVALID",
      `${quoteName(file)} is neither a bare name nor an absolute path`,
    );
  }
  if (!(await runtime.files.isExecutable(file))) throw notFound(file, "is not an executable file");
  return file;
}

function notFound(file: string, why: string): CommandError {
  const hint = "install it, or add its directory to the PATH of the server";
  return new CommandError("ERR_COMMAND_NOT_FOUND", `${quoteName(file)} ${why}; ${hint}`);
}
