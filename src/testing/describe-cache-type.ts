import assert from "node:assert/strict";
import type { CacheTool, CacheTypeDefinition } from "../commands/cache-tool.ts";
import { type CommandSpec, formatCommand } from "../commands/command.ts";
import type { NixStoreAccess } from "../commands/nix-store-access.ts";
import type { FailureMeaning } from "../core/cloud-codes.ts";
import { CommandError } from "../core/errors.ts";
import { Secret } from "../core/secret.ts";
import { toEmptyResult } from "../execution/empty-result.ts";
import { withOwnMeaning } from "../execution/failure.ts";
import type { TestFramework } from "./test-framework.ts";
import { toVisibleText } from "./visible-text.ts";

/**
 * Situations of a cache type, for {@link describeCacheType}.
 *
 * @example
 * ```ts
 * const suite: CacheTypeSuite = {
 *   framework: { describe, it },
 *   type: niks3,
 *   ready: { destination: "https://niks3.example.org", credentials: { NIKS3_AUTH_TOKEN: "canary-1" } },
 *   refused: [{ destination: "http://niks3.example.org" }],
 *   failures: [{ output: "server returned status 401", means: "unauthorized" }],
 * };
 * ```
 *
 * @public
 */
export interface CacheTypeSuite {
  /** The test framework in use. */
  readonly framework: TestFramework;
  /** The type. */
  readonly type: CacheTypeDefinition;
  /** Settings that it accepts, and the credentials for a push with them. */
  readonly ready: CacheTypeSample & {
    /** Values by name, each unlike any other printed text. */
    readonly credentials: Readonly<Record<string, string>>;
  };
  /** Settings that it must refuse, besides the hostile ones that the suite always tries. */
  readonly refused: readonly CacheTypeSample[];
  /** Real failure texts of its tool, and what they mean. */
  readonly failures: readonly { readonly output: string; readonly means: FailureMeaning }[];
}

/**
 * The settings of a cache of the type.
 *
 * @example
 * ```ts
 * const sample: CacheTypeSample = { destination: "ssh-ng://builder", options: { host_key: "ssh-ed25519 AAAA" } };
 * ```
 *
 * @public
 */
export interface CacheTypeSample {
  /** The text of `destination`. */
  readonly destination: string;
  /** The table `options`. */
  readonly options?: unknown;
}

const PATHS = [
  "/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12",
  "/nix/store/ab3li50xq0nl4q5lxdyinb8w8y13my9s-other",
];

/**
 * Destinations that no type may accept: options, shell syntax, several words, parent directories, a password.
 */
const HOSTILE = [
  "--post-build-hook=/tmp/x",
  "-oProxyCommand=id",
  "$(id)",
  "https://example.org/`id`",
  "ssh-ng://-oProxyCommand=id",
  "file:///etc/../root",
  "local?root=/tmp",
  "",
];

/**
 * The contract of a cache type, as tests. It refuses what its tool must not get, passes each path once and
 * each secret only to the child that needs it, and classifies its tool's failures.
 *
 * @param suite - the type and its situations
 *
 * @example
 * ```ts
 * describeCacheType({ framework: { describe, it }, type: niks3, ready: { destination: "https://niks3.example.org", credentials: {} }, refused: [], failures: [] });
 * ```
 *
 * @public
 */
export function describeCacheType(suite: CacheTypeSuite): void {
  const { framework, type, ready, refused, failures } = suite;
  const { describe, it } = framework;
  describe(`cache type ${type.type}`, () => {
    it("has a name of its own", async () => {
      assert.match(type.type, /^custom:[a-z0-9][a-z0-9-]{0,63}$/u);
    });
    for (const sample of [...refused, ...HOSTILE.map((destination) => ({ ...ready, destination }))])
      it(`refuses ${toVisibleText(sample.destination)}`, async () => {
        assert.equal(bind(type, sample).success, false);
      });
    definePush(suite);
    for (const { output, means } of failures)
      it(`reads ${means} from ${toVisibleText(output)}`, async () => {
        const { failureTexts } = build(suite);
        const run = { ...toEmptyResult("failed"), stderr: output };
        assert.equal(withOwnMeaning(run, failureTexts).meaning, means);
      });
  });
}

function definePush(suite: CacheTypeSuite): void {
  const { framework, ready } = suite;
  const { it } = framework;
  const canaries = Object.values(ready.credentials);
  it("hands over each path once, and nothing that looks like one", async () => {
    const words = build(suite).args.filter((arg) => typeof arg === "string" && arg.includes("/nix/store/"));
    assert.deepEqual(words, PATHS);
  });
  it("shows no secret, neither to other processes nor in logs", async () => {
    const command = build(suite);
    assertHidden(command.args, canaries);
    assertHidden(formatCommand(command), canaries);
    const plain = [...command.env.values()].filter((value) => !(value instanceof Secret));
    assertHidden(plain, canaries);
    assertHidden(command, canaries);
  });
  it("names the secrets of its files, so that they are redacted", async () => {
    for (const { content, secrets } of filesOf(suite))
      for (const canary of canaries)
        if (content.expose().includes(canary))
          assert.ok(secrets.some((secret) => secret.expose().includes(canary)));
  });
  it("asks the cache without a secret in an address", async () => {
    assertHidden(toTool(suite).access(toInput(suite)).url, canaries);
  });
  it("refuses paths that are none, derivations, and credentials that it has no use for", async () => {
    for (const path of ["/etc/passwd", "--help", `${PATHS[0]}/bin`, `${PATHS[0]}.drv`])
      assertRefused(suite, { storePaths: [path] }, "ERR_STORE_PATH_INVALID");
    const env = new Map([...toInput(suite).credentials.env, ["EKA_CI_UNKNOWN", new Secret("x")]]);
    assertRefused(suite, { credentials: { env } }, "ERR_COMMAND_CREDENTIALS");
  });
}

type Input = Parameters<CacheTool["build"]>[0];

function assertRefused(suite: CacheTypeSuite, other: Partial<Input>, code: string): void {
  assert.throws(
    () => toTool(suite).build({ ...toInput(suite), ...other }),
    (error: unknown) => error instanceof CommandError && error.code === code,
  );
}

function bind(type: CacheTypeDefinition, { destination, options }: CacheTypeSample) {
  return type.bind({ type: "custom", cacheType: type.type, text: destination, options });
}

function toTool({ type, ready }: CacheTypeSuite): CacheTool {
  const bound = bind(type, ready);
  if (!bound.success) throw new TypeError(`The settings of the suite are refused at ${bound.places}`);
  return bound;
}

function toInput({ ready }: CacheTypeSuite): Input {
  const env = new Map(Object.entries(ready.credentials).map(([name, value]) => [name, new Secret(value)]));
  return { storePaths: PATHS, credentials: { env } };
}

function build(suite: CacheTypeSuite): CommandSpec {
  return toTool(suite).build(toInput(suite));
}

function filesOf(suite: CacheTypeSuite): CommandSpec["files"] {
  const access: NixStoreAccess = toTool(suite).access(toInput(suite));
  return [...build(suite).files, ...(access.files ?? [])];
}

function assertHidden(value: unknown, canaries: readonly string[]): void {
  const text = toVisibleText(value);
  for (const canary of canaries) assert.ok(!text.includes(canary), "a secret is visible");
}
