import { CommandError } from "../core/errors.ts";

/** What the host may be short of: https://man7.org/linux/man-pages/man3/errno.3.html. */
const SHORTAGES: Readonly<Record<string, string>> = {
  EAGAIN: "processes",
  EDQUOT: "disk quota",
  EMFILE: "file descriptors",
  ENFILE: "file descriptors of the whole system",
  ENOMEM: "memory",
  ENOSPC: "disk space",
};

/**
 * Turns an error of the system into one of this package. A shortage gets its own code; otherwise the caller
 * decides. The system's message may list every argument, so only its code is passed on.
 *
 * @param what - what could not be done, as a sentence without its end
 * @param otherwise - the likely reason if nothing is short
 */
export function toStartError(error: unknown, what: string, otherwise: string): CommandError {
  if (error instanceof CommandError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const shortage = Object.hasOwn(SHORTAGES, code) ? SHORTAGES[code] : undefined;
  if (shortage === undefined) {
    const known = /^E[A-Z0-9]{1,15}$/u.test(code) ? ` (${code})` : "";
    return new CommandError("ERR_COMMAND_INVALID", `${what}: ${otherwise}${known}`);
  }
  const message = `${what}: the host is short of ${shortage} (${code}); free some, then try again`;
  return new CommandError("ERR_HOST_EXHAUSTED", message);
}
