import {
  type AnyCachesError,
  type CacheRegistry,
  type CachesErrorCode,
  type CredentialSource,
  type Decision,
  defineCredentialSource,
  type ExecutionOutcome,
  type GitRef,
  type PushReport,
  type PushResult,
  parseGitRef,
  type SafeParseResult,
  Secret,
  type ServerConfig,
  safeParseServerConfig,
} from "@eka-ci/caches";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { expectTypeOf, test } from "vitest";

test("decisions narrow by effect", () => {
  const decision = {} as Decision;
  if (decision.effect === "deny") {
    expectTypeOf(decision.message).toBeString();
    // @ts-expect-error an allowed decision alone names the rules that matched
    decision.matched;
  } else {
    expectTypeOf(decision.matched).toExtend<readonly unknown[]>();
  }
});

test("results narrow by status, and the switch is exhaustive", () => {
  const explain = (result: PushResult): string => {
    switch (result.status) {
      case "pushed":
        return result.storePaths.join();
      case "upstream":
        return result.upstreamPaths.join();
      case "skipped":
        return result.skippedPaths.map(({ path, reason }) => `${path}: ${reason}`).join();
      case "failed":
        return result.error.code;
      case "denied":
        return result.decision.message;
      case "aborted":
        return result.cacheId;
    }
  };
  expectTypeOf(explain).returns.toBeString();
});

test("errors narrow by name", () => {
  const error = {} as AnyCachesError;
  expectTypeOf(error.code).toEqualTypeOf<CachesErrorCode>();
  if (error.name === "ConfigError") expectTypeOf(error.diagnostics).toExtend<readonly unknown[]>();
  if (error.name === "CredentialError") expectTypeOf(error.sourceType).toBeString();
});

test("sources narrow by type", () => {
  const source = {} as CredentialSource;
  if (source.type === "vault") expectTypeOf(source.secretPath).toBeString();
  if (source.type === "file") expectTypeOf(source.filePermissions).toEqualTypeOf<"strict" | "off">();
});

test("optional properties take undefined", () => {
  const ref: GitRef | undefined = undefined;
  const registry = {} as CacheRegistry;
  expectTypeOf(registry.push).toBeCallableWith(
    { repository: "a/b", ref, job: "j", caches: [], storePaths: [], drvPath: undefined, commit: undefined },
    { signal: undefined, timeoutMs: undefined, onOutput: undefined },
  );
  expectTypeOf(registry.push).returns.resolves.toEqualTypeOf<PushReport>();
});

test("nothing of the surface is any", () => {
  expectTypeOf<ServerConfig["caches"][number]["destination"]>().not.toBeAny();
  expectTypeOf<ExecutionOutcome>().toEqualTypeOf<"succeeded" | "failed" | "timed-out" | "aborted">();
  expectTypeOf(safeParseServerConfig).returns.toEqualTypeOf<SafeParseResult<ServerConfig>>();
  expectTypeOf(parseGitRef).returns.not.toBeAny();
  expectTypeOf(new Secret("x").expose()).toBeString();
});

test("a registry is an async disposable", () => {
  expectTypeOf<CacheRegistry>().toExtend<AsyncDisposable>();
});

test("a custom source keeps the type of its options, and a built-in one cannot be shadowed", () => {
  const schema = {} as StandardSchemaV1<unknown, { entry: string }>;
  defineCredentialSource({
    type: "custom:x",
    schema,
    create: (options) => {
      expectTypeOf(options).toEqualTypeOf<{ entry: string }>();
      return async () => ({ env: new Map() });
    },
  });
  defineCredentialSource({
    // @ts-expect-error a name without custom: would shadow a built-in source
    type: "vault",
    schema,
    create: () => async () => ({ env: new Map() }),
  });
});

test("a secret is no string", () => {
  // @ts-expect-error a secret does not stand in for its value
  const text: string = new Secret("x");
  expectTypeOf(text).toBeString();
});
