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
 * Builds the question which paths a cache has, and with which signatures: `nix path-info --json`, with the
 * credentials of a push. {@link parsePathInfo} reads the answer. Nix asks the server itself, whatever earlier
 * runs remember.
 *
 * @param input - destination, paths and credentials
 * @param namesFormat - whether the format of the JSON is named, which Nix up to 2.32 refuses and a later one
 * will ask for
 * @throws {@link CommandError} `ERR_STORE_PATH_INVALID`, `ERR_COMMAND_CREDENTIALS`
 */
export function buildPathInfoCommand(input: PushCommandInput, namesFormat = false): CommandSpec {
  const storePaths = checkStorePaths(input.storePaths, { storeDirectory: input.storeDirectory });
  const access = findCacheTool(input.destination, input.cacheTypes).access(input);
  const { env = [], files = [], netrc = EMPTY_NETRC } = access;
  // A user name is no secret, and redacting it would spoil an answer that holds it, as the name of a key may.
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
  /** Whether the format of the JSON is named. */
  readonly namesFormat: boolean;
}

/**
 * Builds the same question for the Nix store of the host, which needs no network.
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

/** The question for paths of the host's own store, up to their names. */
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

/** What a cache says of a path that it has. */
export interface PathInfo extends SignedInfo {
  /** Where its NAR is, relative to the cache; absent where nix does not say. */
  readonly narUrl?: string | undefined;
}

/**
 * Reads what {@link buildPathInfoCommand} printed, in the forms that Nix has had: up to 2.18 a list in which
 * a missing path is `"valid": false`, then an object in which it is `null`, and from 2.33 on, in its second
 * format, an object with such an object in it that has base names.
 *
 * @param stdout - the whole standard output
 * @returns the paths that the cache has; nothing if the output has none of these forms, or names a member
 * twice
 */
export function parsePathInfo(stdout: string): ReadonlyMap<string, PathInfo> | undefined {
  const entries = toPathInfoEntries(parseStrictJson(stdout));
  return entries && toPathInfo(entries);
}

/** The paths of an answer, each with what is said of it; nothing for an answer of another form. */
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
    // One that is named twice, as valid and as not, is not there.
    const isTwice = named.has(path);
    named.add(path);
    if (typeof path !== "string") continue;
    if (isTwice || !isRecord(info) || !isValid(info)) found.delete(path);
    else found.set(path, { ...toSignedInfo(info), narUrl: findUrl(info) });
  }
  return found;
}

/** Newer versions of Nix say nothing of it for a path that is there. */
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
