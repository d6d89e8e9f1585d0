import { createRequire } from "node:module";
import {
  CachesError,
  ConfigError,
  CredentialError,
  HttpError,
  isCachesError,
  PushError,
} from "@eka-ci/caches";
import { describe, expect, it, vi } from "vitest";

/** The classes as a second copy of the package has them. */
async function importCopy(): Promise<typeof import("../../src/core/errors.ts")> {
  vi.resetModules();
  return import("../../src/core/errors.ts");
}

describe("an error of a second copy of this package", () => {
  it("is known for what it is", async () => {
    const copy = await importCopy();
    expect(copy.PushError).not.toBe(PushError);
    const error = new copy.PushError("ERR_PUSH_FAILED", "…");
    expect(isCachesError(error)).toBe(true);
    expect(error).toBeInstanceOf(CachesError);
    expect(error).toBeInstanceOf(PushError);
    expect(error).not.toBeInstanceOf(CredentialError);
    expect(new CredentialError("ERR_CREDENTIAL_DENIED", "env", "…")).toBeInstanceOf(copy.CredentialError);
  });

  it("is not taken for one of a class that a host derives", async () => {
    class QuotaError extends PushError {}
    const copy = await importCopy();
    expect(new copy.PushError("ERR_PUSH_FAILED", "…")).not.toBeInstanceOf(QuotaError);
    expect(new PushError("ERR_PUSH_FAILED", "…")).not.toBeInstanceOf(QuotaError);
    expect(new QuotaError("ERR_PUSH_FAILED", "…")).toBeInstanceOf(PushError);
  });
});

it.each([undefined, null, 5, "ERR_PUSH_FAILED", {}, { name: "PushError" }, new Error("x"), () => undefined])(
  "%s is no error of this package",
  (value) => {
    expect(isCachesError(value)).toBe(false);
    expect(value instanceof PushError).toBe(false);
  },
);

it("names stand on the prototype, so that they survive minifying and are not listed", () => {
  const error = new ConfigError("ERR_CONFIG_INVALID", "…");
  expect(error.name).toBe("ConfigError");
  expect(Object.keys(error)).not.toContain("name");
  expect(String(error)).toBe("ConfigError: …");
  expect(JSON.stringify(new HttpError("ERR_HTTP_INVALID", "x"))).toContain('"name":"HttpError"');
});

it("names of a minified build are those of the source", async () => {
  const esbuild = createRequire(createRequire(import.meta.url).resolve("tsup"))("esbuild");
  const { outputFiles } = await esbuild.build({
    stdin: {
      contents: `import { PushError } from "./src/core/errors.ts";
        globalThis.minifiedName = new PushError("ERR_PUSH_FAILED", "x").name + PushError.name.length;`,
      resolveDir: new URL("../..", import.meta.url).pathname,
    },
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
  });
  const scope: { minifiedName?: string } = {};
  new Function("globalThis", outputFiles[0].text)(scope);
  expect(scope.minifiedName).toBe("PushError1");
});
