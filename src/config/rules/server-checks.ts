import type { BuiltInCacheType, CacheDestination } from "../../core/cache.ts";
import { isRecord, type Members, toMembers } from "../../core/own-member.ts";
import { isBuiltInCacheType, isCacheType, parseDestination } from "../destination/destination.ts";
import { adviseCredentials } from "../schema/credential-advice.ts";
import { findCredentialKeys, findInlineSecrets } from "../schema/misplaced-secrets.ts";
import { isPlainCache } from "../schema/plain-cache.ts";
import { CACHE_ID } from "../schema/text-schemas.ts";
import type { Problem } from "../text/diagnostic.ts";
import type { KeyPath } from "../text/key-path.ts";
import { writeEntry } from "../text/literal-value.ts";
import { checkCredentialSource } from "./credential-checks.ts";
import { checkOptionSecrets } from "./option-checks.ts";
import { checkPermissions } from "./permission-checks.ts";
import { checkAfterPush } from "./pin-checks.ts";
import { checkPromotion, checkPromotionSources } from "./promotion-checks.ts";
import { checkSigning } from "./signing-checks.ts";

/** Bounds of `max_hook_timeout_seconds`. */
const MIN_TIMEOUT_SECONDS = 1;
const MAX_TIMEOUT_SECONDS = 86_400;

/** Few caches have a problem, so nothing is created unless needed. */
const NONE: readonly Problem[] = [];

/** What the checks found, with the destination of each cache that has a valid one. */
export interface CheckedTables {
  readonly problems: readonly Problem[];
  readonly destinations: readonly (CacheDestination | undefined)[];
}

/** Checks caches, some at a time. Those that are faultless (see `isFaultlessValue`) hold no credential. */
export type CheckCaches = (tables: readonly unknown[], first: number, areFaultless: boolean) => CheckedTables;

/**
 * Checks what a schema cannot express, except for caches: rules between keys, and grammars that depend on
 * another key. It works on tables of any shape, so these problems are reported together with those of the
 * schema.
 */
export function checkServerRoot(root: Members): readonly Problem[] {
  const security = toMembers(root["security"]);
  return [
    ...findCredentialKeys(root, []),
    ...findCredentialKeys(security, ["security"]),
    ...checkTimeout(security["max_hook_timeout_seconds"]),
    ...checkPromotionSources(Array.isArray(root["caches"]) ? root["caches"] : []),
  ];
}

/** Creates the same check for caches. It remembers all ids that it has seen. */
export function createCacheCheck(root: Members): CheckCaches {
  const allowPrivateHosts = toMembers(root["security"])["allow_private_cache_hosts"] === true;
  const ids = new Map<string, number>();
  return (tables, first, areFaultless) => {
    const problems = findDuplicateIds(tables, first, ids);
    const destinations = tables.map((table, index) => {
      const about = { path: ["caches", first + index], allowPrivateHosts, isFaultless: areFaultless };
      return isRecord(table) ? checkCache(table, about, problems) : undefined;
    });
    return { problems, destinations };
  };
}

/** Suggests credentials and a destination that fit the cache's type, if one is missing. */
export function refineHint(problem: Problem, value: unknown): Problem {
  const [, index, key, ...further] = problem.path;
  if (problem.code !== "missing-key" || further.length > 0 || typeof index !== "number") return problem;
  const caches = toMembers(value)["caches"];
  const { cache_type: cacheType, destination } = toMembers(Array.isArray(caches) ? caches[index] : undefined);
  if (key === "credentials") {
    const advice = adviseCredentials({ cacheType, destination });
    return { ...problem, hint: `As in ${writeEntry("credentials", advice, "toml")}` };
  }
  return key === "destination" && isBuiltInCacheType(cacheType)
    ? { ...problem, hint: DESTINATION_HINTS[cacheType] }
    : problem;
}

/** Brings a timeout into its bounds. */
export function clampTimeout(seconds: number): number {
  return Math.min(Math.max(seconds, MIN_TIMEOUT_SECONDS), MAX_TIMEOUT_SECONDS);
}

interface CheckCacheOptions {
  readonly path: KeyPath;
  readonly allowPrivateHosts: boolean;
  readonly isFaultless: boolean;
}

/** Adds the problems of a cache to `problems`, and returns its destination if it is valid. */
function checkCache(
  table: Members,
  options: CheckCacheOptions,
  problems: Problem[],
): CacheDestination | undefined {
  const { path, allowPrivateHosts, isFaultless } = options;
  const { cache_type: cacheType, destination: text } = table;
  if (!isFaultless) addProblems(problems, findInlineSecrets(table, path, { cacheType, destination: text }));
  const destination = checkDestination(table, options, problems);
  if (!isPlainCache(table)) addProblems(problems, checkOptions(table, path, allowPrivateHosts));
  addProblems(problems, checkCredentialSource(table["credentials"], path));
  addProblems(problems, checkPermissions(table["permissions"], path));
  return destination;
}

/** One by one, because a hostile table has more problems than a call can take arguments. */
function addProblems(problems: Problem[], further: readonly Problem[]): void {
  for (const problem of further) problems.push(problem);
}

function checkOptions(table: Members, path: KeyPath, allowPrivateHosts: boolean): readonly Problem[] {
  return [
    ...checkKeysOfTypes(table, path),
    ...checkUpstreams(table, path),
    ...checkHost(table["host"], path, allowPrivateHosts),
    ...checkSubstituter(table["substituter"], [...path, "substituter"], allowPrivateHosts),
    ...checkUpstreamCaches(table, path, allowPrivateHosts),
    ...checkCredentialSource(table["signing_key"], path, "signing_key"),
    ...checkSigning(table, path),
    ...checkAfterPush(table, path),
    ...checkPromotion(table, path),
    ...checkOptionSecrets(table, path),
  ];
}

function checkDestination(
  table: Members,
  { path, allowPrivateHosts }: CheckCacheOptions,
  problems: Problem[],
): CacheDestination | undefined {
  const { cache_type: type, destination: text } = table;
  if (typeof text !== "string" || !isCacheType(type)) return undefined;
  const parsed = parseDestination(type, text, { allowPrivateHosts });
  if (parsed.success) {
    if (parsed.plaintext) problems.push(plaintextWarning([...path, "destination"]));
    return parsed.destination;
  }
  const { code, message, hint = isBuiltInCacheType(type) ? DESTINATION_HINTS[type] : undefined } = parsed;
  problems.push({ code, severity: "error", message, path: [...path, "destination"], hint });
  return undefined;
}

/**
 * The rules of an HTTP destination also apply to it. The schema reports what is not an address at all.
 */
function checkSubstituter(text: unknown, path: KeyPath, allowPrivateHosts: boolean): readonly Problem[] {
  if (typeof text !== "string" || !/^https?:\/\/[^?#@]*$/u.test(text)) return NONE;
  const parsed = parseDestination("nix-copy", text, { allowPrivateHosts });
  if (parsed.success) return NONE;
  const { code, message, hint = 'As in "https://cache.example.org"' } = parsed;
  return [{ code, severity: "error", message, path, hint }];
}

function checkUpstreamCaches(
  table: Members,
  parent: KeyPath,
  allowPrivateHosts: boolean,
): readonly Problem[] {
  const { upstream_caches: upstream, destination } = table;
  if (!Array.isArray(upstream)) return NONE;
  return upstream.flatMap((text: unknown, index): readonly Problem[] => {
    const path = [...parent, "upstream_caches", index];
    if (!isSameAddress(text, destination)) return checkSubstituter(text, path, allowPrivateHosts);
    const message = "This is the destination itself, so nothing would ever be pushed to it";
    return [{ code: "invalid-value", severity: "error", message, path, hint: "Name another cache" }];
  });
}

/** Whether two texts are the same address, ignoring slashes and parameters at the end. */
function isSameAddress(one: unknown, other: unknown): boolean {
  if (typeof one !== "string" || typeof other !== "string") return false;
  return toPlainAddress(one) === toPlainAddress(other);
}

function toPlainAddress(text: string): string {
  const [address = ""] = text.split("?", 1);
  let end = address.length;
  while (end > 0 && address[end - 1] === "/") end--;
  return address.slice(0, end);
}

/** Stands for every type that the host defines. */
const CUSTOM = "custom:<name>";

/** Keys that only some tools have an option for. */
const KEYS_OF_TYPES: readonly (readonly [key: string, types: readonly string[]])[] = [
  ["options", [CUSTOM]],
  ["upload", ["nix-copy"]],
  ["staging_size", ["nix-copy"]],
  ["signing_key", ["nix-copy", "cachix"]],
  ["jobs", ["attic"]],
  ["ignore_upstream", ["attic"]],
  ["upstream_keys", ["attic", "cachix"]],
  ["host", ["cachix"]],
  ["after_push", ["cachix", CUSTOM]],
  ["promote_from", ["nix-copy"]],
];

function checkKeysOfTypes(table: Members, parent: KeyPath): readonly Problem[] {
  const { cache_type: type } = table;
  if (!isCacheType(type) || KEYS_OF_TYPES.every(([key]) => table[key] === undefined)) return NONE;
  return KEYS_OF_TYPES.flatMap(([key, types]) => {
    if (table[key] === undefined || types.includes(isBuiltInCacheType(type) ? type : CUSTOM)) return [];
    const message = `The key ${key} belongs to caches of the type ${types.join(" or ")}`;
    const path = [...parent, key];
    return { code: "invalid-value", severity: "error", message, path, part: "key", hint: `Remove ${key}` };
  });
}

function checkUpstreams(table: Members, parent: KeyPath): readonly Problem[] {
  if (table["ignore_upstream"] !== true || table["upstream_keys"] === undefined) return NONE;
  const message =
    "With ignore_upstream = true nothing is left to an upstream, so upstream_keys has no effect";
  const path = [...parent, "upstream_keys"];
  return [
    { code: "invalid-value", severity: "error", message, path, part: "key", hint: "Remove one of the two" },
  ];
}

/** The token of a cache goes to its host. */
function checkHost(text: unknown, parent: KeyPath, allowPrivateHosts: boolean): readonly Problem[] {
  if (typeof text !== "string" || !/^https?:\/\/[^/?#@]+$/u.test(text)) return NONE;
  const path = [...parent, "host"];
  const parsed = parseDestination("nix-copy", text, { allowPrivateHosts });
  if (!parsed.success) {
    const { code, message, hint = HOST_HINT } = parsed;
    return [{ code, severity: "error", message, path, hint }];
  }
  const { hostname } = new URL(text);
  if (/^[\d.]+$|^\[/u.test(hostname)) {
    const message =
      "The host of a Cachix server is a name; its caches are below it, such as my-cache.cachix.example.com";
    return [{ code: "invalid-value", severity: "error", message, path, hint: HOST_HINT }];
  }
  if (!parsed.plaintext) return [];
  const message = "The host of a Cachix server on a public network begins with https://";
  return [{ code: "invalid-value", severity: "error", message, path, hint: HOST_HINT }];
}

const HOST_HINT = 'As in host = "https://cachix.example.com"';

const DESTINATION_HINTS: Readonly<Record<BuiltInCacheType, string>> = {
  "nix-copy": 'As in destination = "s3://my-bucket/nix-cache?region=us-east-1"',
  cachix: 'As in destination = "my-cache-name"',
  attic: 'As in destination = "https://attic.example.com/my-cache"',
};

function plaintextWarning(path: KeyPath): Problem {
  const message = "Paths and credentials are sent to this destination unencrypted";
  return { code: "plaintext-destination", severity: "warning", message, path, hint: "Use https" };
}

function findDuplicateIds(tables: readonly unknown[], first: number, known: Map<string, number>): Problem[] {
  const problems: Problem[] = [];
  for (let place = 0; place < tables.length; place++) {
    const table = tables[place];
    const index = first + place;
    const id = isRecord(table) ? table["id"] : undefined;
    if (typeof id !== "string") continue;
    const earlier = known.get(id);
    if (earlier === undefined) known.set(id, index);
    if (earlier === undefined || !CACHE_ID.test(id)) continue;
    const message = `caches[${earlier}] already has this id`;
    const hint = "Give each cache its own id";
    const path = ["caches", index, "id"];
    problems.push({ code: "duplicate-cache-id", severity: "error", message, path, hint });
  }
  return problems;
}

function checkTimeout(seconds: unknown): Problem[] {
  if (typeof seconds !== "number" || !Number.isInteger(seconds) || clampTimeout(seconds) === seconds)
    return [];
  const message = `The timeout is outside ${MIN_TIMEOUT_SECONDS} to ${MAX_TIMEOUT_SECONDS} seconds; ${clampTimeout(seconds)} is used`;
  const path = ["security", "max_hook_timeout_seconds"];
  return [
    { code: "timeout-clamped", severity: "warning", message, path, hint: "Write a value within the range" },
  ];
}
