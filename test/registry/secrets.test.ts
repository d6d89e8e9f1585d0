import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import {
  type AuditEvent,
  CacheRegistry,
  type CacheRegistryOptions,
  type CommandSpec,
  createLineSink,
  createProcessExecutor,
  defineCredentialSource,
  formatAuditEvent,
  formatAuditJson,
  formatCommand,
  Secret,
} from "@eka-ci/caches";
import {
  createRecordingExecutor,
  createStaticProvider,
  createTestRuntime,
  toVisibleText,
} from "@eka-ci/caches/testing";
import * as v from "valibot";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

const CANARY = "canary-Zq7/4f1d9c+wJalr==";
const PATH = "/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12";

/** The canary and the forms it could be hidden in. */
const FORMS = [
  CANARY,
  "4f1d9c",
  encodeURIComponent(CANARY),
  Buffer.from(CANARY).toString("base64").slice(0, -4),
  Buffer.from(CANARY).toString("hex"),
];

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "eka-ci-secrets-"));
  await mkdir(join(directory, "work"));
  await mkdir(join(directory, ".aws"));
  const keys = `AWS_ACCESS_KEY_ID=AKIA0000\nAWS_SECRET_ACCESS_KEY=${CANARY}\n`;
  await writeFile(join(directory, "keys"), keys, { mode: 0o600 });
  await writeFile(join(directory, "s3-keys"), keys, { mode: 0o400 });
  const profile = `[p]\naws_access_key_id = AKIA0000\naws_secret_access_key = ${CANARY}\n`;
  await writeFile(join(directory, ".aws", "credentials"), profile, { mode: 0o600 });
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const S3 = 'cache_type = "nix-copy"\ndestination = "s3://bucket?region=us-east-1"';

/** Each source with a destination that it suits, and where the canary is put. */
const SOURCES: Readonly<Record<string, readonly [cache: string, credentials: string]>> = {
  env: [S3, '{ env = { vars = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } }'],
  "env for http": [
    'cache_type = "nix-copy"\ndestination = "https://cache.example"',
    '{ env = { vars = ["HTTP_PASSWORD"] } }',
  ],
  "env for attic": [
    'cache_type = "attic"\ndestination = "https://attic.example/c"',
    '{ env = { vars = ["ATTIC_TOKEN"] } }',
  ],
  file: [S3, '{ file = { path = "DIRECTORY/keys" } }'],
  "systemd-credential": [S3, '{ systemd-credential = { name = "s3-keys" } }'],
  "aws-profile": [S3, '{ aws-profile = { profile = "p" } }'],
  "cachix-token": ['cache_type = "cachix"\ndestination = "c"', '{ cachix-token = { env_var = "TOKEN" } }'],
  custom: ['cache_type = "cachix"\ndestination = "c"', '{ "custom:static" = {} }'],
};

const toml = ([cache, credentials]: readonly [string, string]): string =>
  `[[caches]]\nid = "c"\n${cache}\ncredentials = ${credentials.replace("DIRECTORY", directory)}\npermissions = { allow_all = true }`;

const custom = defineCredentialSource({
  type: "custom:static",
  schema: v.strictObject({}),
  create: () => createStaticProvider({ CACHIX_AUTH_TOKEN: CANARY }),
});

const HOST_ENV = {
  AWS_ACCESS_KEY_ID: "AKIA0000",
  AWS_SECRET_ACCESS_KEY: CANARY,
  HTTP_PASSWORD: CANARY,
  ATTIC_TOKEN: CANARY,
  TOKEN: CANARY,
};

/** Collects all that leaves a registry on any channel that people or programs read. */
function observe(source: readonly [string, string], options: CacheRegistryOptions) {
  const texts: string[] = [];
  const events: AuditEvent[] = [];
  const runtime = {
    env: { ...HOST_ENV, CREDENTIALS_DIRECTORY: directory, PATH: join(directory, "bin") },
    user: { uid: process.getuid?.(), homeDirectory: directory },
    warn: (text: string) => void texts.push(text),
    ...options.runtime,
  };
  const registry = CacheRegistry.fromToml(toml(source), {
    credentialSources: [custom],
    auditSinks: [
      createLineSink({ write: (line) => void texts.push(line) }),
      createLineSink({ format: "json", write: (line) => void texts.push(line) }),
    ],
    ...options,
    runtime,
  });
  registry.subscribe((event) => {
    events.push(event);
    texts.push(formatAuditEvent(event), formatAuditJson(event), toVisibleText(event));
  });
  return { registry, texts };
}

const REQUEST = { repository: "o/r", job: "j", caches: ["c"], storePaths: [PATH] };

function expectNoCanary(texts: readonly string[]): void {
  const all = texts.join("\n");
  for (const form of FORMS) expect(all.includes(form), `${form} is visible`).toBe(false);
}

describe("a secret shows up nowhere but in the child", () => {
  const console = ["log", "info", "warn", "error", "debug"] as const;
  const written: string[] = [];
  beforeEach(() => {
    for (const name of console)
      vi.spyOn(globalThis.console, name).mockImplementation((...args) => void written.push(inspect(args)));
  });
  afterEach(() => {
    vi.restoreAllMocks();
    expectNoCanary(written.splice(0));
  });

  it.each(Object.entries(SOURCES))(
    "from %s: what the registry reports, and what the executor is given",
    async (_name, source) => {
      const executor = createRecordingExecutor();
      const { registry, texts } = observe(source, { executor });
      const report = await registry.push(REQUEST);
      expect(report.results[0]?.status).toBe("pushed");
      const [check, plan] = [await registry.check(), registry.plan(REQUEST)];
      for (const value of [report, check, plan, registry, registry.config, ...executor.commands])
        texts.push(toVisibleText(value));
      texts.push(
        ...executor.commands.map((command) => formatCommand(command) + JSON.stringify(command.args)),
      );
      expectNoCanary(texts);
      const isOfPush = ({ file, args }: CommandSpec): boolean =>
        ["nix", "cachix", "attic"].includes(file) && !args.includes("--recursive");
      const push = executor.commands.find(isOfPush);
      const values = [...(push?.env.values() ?? []), ...(push?.files.map(({ content }) => content) ?? [])];
      expect(values.some((value) => value instanceof Secret && value.expose().includes(CANARY))).toBe(true);
    },
  );

  it.each(Object.entries(SOURCES))(
    "from %s: a real child that prints all it has been given",
    async (_name, source) => {
      const bin = join(directory, "bin");
      await mkdir(bin, { recursive: true });
      // Prints its environment, arguments and private files in several encodings, on both streams, then
      // fails.
      const script = `#!${process.execPath}
      const fs = require("node:fs"), path = require("node:path");
      if (path.basename(process.argv[1]) === "nix-store") process.exit(0);
      const files = fs.readdirSync(process.env.HOME, { recursive: true, withFileTypes: true }).filter((e) => e.isFile() || e.isSymbolicLink())
        .map((e) => fs.readFileSync(path.join(e.parentPath ?? e.path, e.name), "utf8"));
      const all = JSON.stringify([process.env, process.argv, files]);
      if (process.argv.some((a) => a.includes("4f1d9c"))) process.stdout.write("LEAKED IN ARGV");
      const values = [...Object.values(process.env), ...files];
      process.stdout.write(all + values.map(encodeURIComponent).join() + values.map((x) => Buffer.from(x).toString("base64")).join());
      process.stderr.write("error: " + values.join(" "));
      process.exitCode = 1;`;
      for (const tool of ["nix", "nix-store", "cachix", "attic"])
        await writeFile(join(bin, tool), script, { mode: 0o755 });
      const environment = { ...HOST_ENV, CREDENTIALS_DIRECTORY: directory, PATH: bin };
      const executor = createProcessExecutor({
        runtime: { env: environment },
        workDirectoryParent: join(directory, "work"),
      });
      const { registry, texts } = observe(source, { executor });
      const report = await registry.push(REQUEST, { onOutput: ({ text }) => texts.push(text) });
      expect(report.results[0]).toMatchObject({ status: "failed", error: { code: "ERR_PUSH_FAILED" } });
      texts.push(toVisibleText(report), JSON.stringify(report));
      const seen = texts.join("\n");
      expect(seen).toContain("[redacted]");
      expect(seen).not.toContain("LEAKED IN ARGV");
      for (const form of [CANARY, "4f1d9c", encodeURIComponent(CANARY)])
        expect(seen.includes(form), form).toBe(false);
      expect(seen).not.toContain(Buffer.from(CANARY).toString("base64").slice(0, 24));
      await expect(readdir(join(directory, "work"))).resolves.toEqual([]);
    },
  );

  it("from a source whose failure quotes it", async () => {
    const leaky = defineCredentialSource({
      type: "custom:static",
      schema: v.strictObject({}),
      create: () => () =>
        Promise.reject(Object.assign(new Error(CANARY), { config: { headers: { token: CANARY } } })),
    });
    const { registry, texts } = observe(SOURCES["custom"] ?? ["", ""], {
      executor: createRecordingExecutor(),
      credentialSources: [leaky],
    });
    const report = await registry.push(REQUEST);
    texts.push(toVisibleText(report), toVisibleText(report.results[0]));
    expectNoCanary(texts);
  });

  it.each([CANARY, "canary_Zq7_4f1d9c", `${CANARY.repeat(20)}`])(
    "from a source that takes %s for a name",
    async (name) => {
      const misplaced = defineCredentialSource({
        type: "custom:static",
        schema: v.strictObject({}),
        create: () => createStaticProvider({ [name]: "value-of-it" }),
      });
      const { registry, texts } = observe(SOURCES["custom"] ?? ["", ""], {
        executor: createRecordingExecutor(),
        credentialSources: [misplaced],
      });
      const report = await registry.push(REQUEST);
      expect(report.ok).toBe(false);
      texts.push(
        toVisibleText(report),
        toVisibleText(await registry.check()),
        toVisibleText(registry.plan(REQUEST)),
      );
      expectNoCanary(texts);
    },
  );

  it("from an executor that rejects with it", async () => {
    const executor = createRecordingExecutor({
      respond: () => Object.assign(new Error(CANARY), { spawnargs: [CANARY] }),
    });
    const { registry, texts } = observe(SOURCES["env"] ?? ["", ""], { executor });
    const report = await registry.push(REQUEST);
    texts.push(toVisibleText(report), toVisibleText(report.results[0]));
    expectNoCanary(texts);
  });
});

describe("Secret", () => {
  const secret = new Secret(CANARY);
  it.each<[channel: string, text: () => string]>([
    ["a template", () => `${secret}`],
    ["concatenation", () => `${[secret]}`],
    ["JSON", () => JSON.stringify({ secret })],
    ["inspect", () => inspect(secret)],
    [
      "inspect of all",
      () => inspect({ secret }, { depth: null, showHidden: true, getters: true, customInspect: false }),
    ],
    ["a map", () => inspect(new Map([["k", secret]]))],
    ["an error's cause", () => inspect(new Error("x", { cause: secret }), { depth: null })],
    ["spreading", () => JSON.stringify({ ...secret })],
    ["structuredClone", () => inspect(structuredClone(secret), { showHidden: true })],
    ["own property names", () => JSON.stringify(Object.getOwnPropertyNames(secret))],
    ["Object.entries", () => JSON.stringify(Object.entries(secret))],
    ["String", () => String(secret)],
  ])("does not show its value in %s", (_channel, text) => {
    expectNoCanary([text()]);
  });

  it("exposes it on request", () => {
    expect(secret.expose()).toBe(CANARY);
  });
});

it("a test runtime reads nothing of the machine", async () => {
  const runtime = createTestRuntime();
  expect(runtime.env).toEqual({});
  await expect(runtime.files.read("/etc/passwd", { maxBytes: 1e6 })).rejects.toMatchObject({
    code: "ERR_FILE_NOT_FOUND",
  });
});
