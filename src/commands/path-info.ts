import { isRecord, type Members, readMember } from "../core/own-member.ts";
import { parseStrictJson } from "../core/strict-json.ts";
import { type CommandSpec, privateHome } from "./command.ts";
import { findCacheTool } from "./find-cache-tool.ts";
import { EMPTY_NETRC } from "./netrc.ts";
import type { PushCommandInput } from "./push-input.ts";
import type { SignedInfo } from "./signed-info.ts";
import { PASSIVE_OPTIONS } from "./store-access.ts";
import { checkStorePaths, type StorePathOptions } from "./store-path.ts";

/**
 * Builds the command that asks a cache which paths it has, and with which signatures: `nix path-info --json`,
 * with the credentials of a push. {@link parsePathInfo} reads its output. Nix asks the server, without using
 * results of earlier runs.
 *
 * @param input - destination, paths and credentials
 * @param namesFormat - whether to name the format of the JSON, which Nix up to 2.32 refuses and later
 * versions will require
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`, `ERR_COMMAND_CREDENTIALS`
 */
export function buildPathInfoCommand(input: PushCommandInput, namesFormat = false): CommandSpec {
  const storePaths = checkStorePaths(input.storePaths, { storeDirectory: input.storeDirectory });
  const access = findCacheTool(input.destination, input.cacheTypes).access(input);
  const { env = [], files = [], netrc = EMPTY_NETRC } = access;
  // A user name is not a secret. Redacting it would spoil an answer that contains it, for example in the name
  // of a key.
  const file = { ...netrc, secrets: netrc.secrets.slice(-1) };
  const args = [
    ...toQuestion(namesFormat),
    ...["--store", access.url],
    ...PASSIVE_OPTIONS,
    "--refresh",
    ...["--netrc-file", file.path, "--", ...storePaths],
  ];
  return { file: "nix", args, env: new Map([...privateHome(), ...env]), files: [file, ...files] };
}

/** Options of {@link buildLocalPathInfoCommand}. */
export interface LocalPathInfoOptions extends StorePathOptions {
  /** Whether to name the format of the JSON. */
  readonly namesFormat: boolean;
}

/**
 * Builds the same command for the Nix store of the host, which needs no network.
 *
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`
 */
export function buildLocalPathInfoCommand(
  storePaths: readonly string[],
  options: LocalPathInfoOptions,
): CommandSpec {
  const args = [...toLocalQuestion(options), "--", ...checkStorePaths(storePaths, options)];
  return { file: "nix", args, env: privateHome(), files: [] };
}

/** The command for paths of the host's own store, without the paths. */
export function toLocalQuestion({
  namesFormat,
}: Pick<LocalPathInfoOptions, "namesFormat">): readonly string[] {
  return [...toQuestion(namesFormat), ...PASSIVE_OPTIONS];
}

function toQuestion(namesFormat: boolean): readonly string[] {
  return [
    ...["--extra-experimental-features", "nix-command", "path-info", "--json"],
    ...(namesFormat ? ["--json-format", "1"] : []),
  ];
}

/** What a cache reports about a path that it has. */
export interface PathInfo extends SignedInfo {
  /** Where its NAR is, relative to the cache; absent if Nix does not say. */
  readonly narUrl?: string | undefined;
}

/**
 * Reads what {@link buildPathInfoCommand} printed, in every format of Nix. Up to 2.18 it is a list in which a
 * missing path has `"valid": false`. Then it is an object in which a missing path is `null`. The second
 * format, since 2.33, has such an object inside, with base names.
 *
 * @param stdout - the whole standard output
 * @returns the paths that the cache has; nothing if the output has another format or duplicate members
 */
export function parsePathInfo(stdout: string): ReadonlyMap<string, PathInfo> | undefined {
  const entries = toPathInfoEntries(parseStrictJson(stdout));
  return entries && toPathInfo(entries);
}

/** The paths of an answer, each with its information; nothing for an answer in another format. */
export function toPathInfoEntries(answer: unknown): readonly (readonly [unknown, unknown])[] | undefined {
  if (Array.isArray(answer)) return answer.filter(isRecord).map((info) => [readMember(info, "path"), info]);
  if (!isRecord(answer)) return undefined;
  const version = readMember(answer, "version");
  if (version !== undefined) return version === 2 ? parseSecondFormat(answer) : undefined;
  const entries = Object.entries(answer);
  return entries.every(([path]) => path.startsWith("/")) ? entries : undefined;
}

function parseSecondFormat(answer: Members): readonly (readonly [string, unknown])[] | undefined {
  const info = readMember(answer, "info");
  const directory = readMember(answer, "storeDir");
  if (!isRecord(info) || typeof directory !== "string") return undefined;
  return Object.entries(info).map(([name, entry]) => [`${directory}/${name}`, entry]);
}

function toPathInfo(entries: readonly (readonly [unknown, unknown])[]): ReadonlyMap<string, PathInfo> {
  const found = new Map<string, PathInfo>();
  const named = new Set<unknown>();
  for (const [path, info] of entries) {
    // A path that is listed both as valid and as invalid is missing.
    const isTwice = named.has(path);
    named.add(path);
    if (typeof path !== "string") continue;
    if (isTwice || !isRecord(info) || !isValid(info)) found.delete(path);
    else found.set(path, { ...toSignedInfo(info), narUrl: findUrl(info) });
  }
  return found;
}

/** Newer versions of Nix leave it out for a path that is there. */
function isValid(info: Members): boolean {
  return !Object.hasOwn(info, "valid") || info["valid"] === true;
}

/**
 * A signature is the name of a key, a colon and 64 bytes in base64:
 * https://nix.dev/manual/nix/latest/store/signatures.
 */
const SIGNATURE = /^[^:\s]+:[A-Za-z0-9+/]{86}==$/u;

function toSignedInfo(info: Members): SignedInfo {
  const narHash = readMember(info, "narHash");
  const narSize = readMember(info, "narSize");
  return {
    narHash: typeof narHash === "string" ? narHash : undefined,
    narSize: typeof narSize === "number" ? narSize : undefined,
    references: readTexts(info, "references"),
    signatures: readTexts(info, "signatures")?.filter((signature) => SIGNATURE.test(signature)) ?? [],
  };
}

function readTexts(info: Members, name: string): readonly string[] | undefined {
  const value = readMember(info, name);
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : undefined;
}

function findUrl(info: Members): string | undefined {
  const url = readMember(info, "url");
  return typeof url === "string" && url !== "" ? url : undefined;
}
