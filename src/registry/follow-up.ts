import { toHttpAccess } from "../commands/http-authorization.ts";
import { DEFAULT_STORE_DIRECTORY } from "../commands/store-path.ts";
import { PushError } from "../core/errors.ts";
import type { ExecutionResult } from "../execution/executor.ts";
import type { CommandOutcome } from "../execution/run-command.ts";
import { askCache } from "./ask-cache.ts";
import type { Verification } from "./verification.ts";

/**
 * What every version of Nix prints for every failure to read a cache's first file: 400, 401, 403, 404, 429,
 * 503 and a lost connection.
 */
const SAYS_NOTHING = /\bdoes not appear to be a binary cache\b/u;
const FIRST_FILE = "nix-cache-info";
const MAX_BYTES = 64 * 1024;

/**
 * Asks an HTTP cache why it refused its first file, because Nix does not tell. The file is requested, and
 * uploaded if it is missing, as Nix does. The answer of the cache is recorded beside the run.
 */
export async function addFollowUp(outcome: CommandOutcome, asked: Verification): Promise<CommandOutcome> {
  const { result, error } = outcome;
  if (error?.code !== "ERR_PUSH_FAILED" || result === undefined || !saysNothing(result)) return outcome;
  const followUp = await askFirstFile(asked);
  if (followUp === undefined) return outcome;
  const message = `${error.message}; when asked again, the cache answered ${followUp}`;
  return { result: { ...result, followUp }, error: new PushError(error.code, message, error.storePaths) };
}

function saysNothing({ stderr, stdout }: ExecutionResult): boolean {
  return SAYS_NOTHING.test(stderr) || SAYS_NOTHING.test(stdout);
}

async function askFirstFile(asked: Verification): Promise<string | undefined> {
  const { cache, credentials, host, context } = asked;
  const access = toHttpAccess(cache.destination, credentials.env);
  if (access === undefined) return undefined;
  const url = `${access.baseUrl}${FIRST_FILE}`;
  return askCache({ access, maxBytes: MAX_BYTES, context }, async (ask) => {
    const there = await ask("GET", url);
    const isMissing = there?.status === 404 || there?.status === 410;
    // Only nix puts the file, and only where it is missing.
    if (!isMissing || cache.destination.type !== "http") return describe("GET", there?.status);
    const content = `StoreDir: ${host.storeDirectory ?? DEFAULT_STORE_DIRECTORY}\n`;
    return describe("PUT", (await ask("PUT", url, content))?.status);
  });
}

/**
 * In words that the table of failures knows. No answer proves nothing: the tool may run on another machine.
 */
function describe(method: string, status: number | undefined): string | undefined {
  if (status === undefined) return undefined;
  return `${method} ${FIRST_FILE}: HTTP ${status < 400 ? "" : "error "}${status}`;
}
