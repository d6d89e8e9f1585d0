import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BinaryCacheServer } from "../../examples/support/binary-cache-server.ts";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { InstalledCli } from "../support/installed-cli.ts";
import { describeWith } from "../support/requirement.ts";

const ESCAPE = "\u001b";
const HIDE_CURSOR = `${ESCAPE}[?25l`;
const SHOW_CURSOR = `${ESCAPE}[?25h`;

/**
 * What a terminal shows of a line: without escape sequences, and without what a carriage return goes back
 * over.
 */
function toShown(text: string): readonly string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
  const plain = text.replaceAll(/\u001b\[[0-9;]*m/gu, "").replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/gu, "\r");
  return plain.split(/[\r\n]+/u).filter((line) => line.trim() !== "");
}

describeWith("script", "the command line on a terminal", () => {
  let cli: InstalledCli;
  let config: string;
  beforeAll(async () => {
    cli = await InstalledCli.install();
    config = join(cli.directory, "ekaci.toml");
  }, 180_000);
  afterAll(() => cli[Symbol.asyncDispose]());

  const toToml = (url: string): string => `
    [security]
    allow_private_cache_hosts = true
    ${["team", "a-cache-with-a-name-that-is-too-long-for-a-bar"]
      .map(
        (id) => `
          [[caches]]
          id = "${id}"
          cache_type = "nix-copy"
          destination = "${url}/${id}"
          credentials = "none"
          permissions = { allow_all = true }`,
      )
      .join("\n")}`;

  interface Terminal {
    readonly columns?: number | undefined;
    readonly env?: Readonly<Record<string, string>> | undefined;
    /** Sent once the output has something in it. */
    readonly kill?: { readonly after: string; readonly signal: NodeJS.Signals } | undefined;
  }

  /** Runs the program on a pseudo-terminal, where standard output and standard error are one. */
  async function run(args: readonly string[], { columns = 80, env = {}, kill }: Terminal = {}) {
    // The shell becomes the program, so that its id is that of the program.
    const line = `stty cols ${columns} rows 24; echo "pid $$"; exec "$NODE" --no-warnings ${[cli.bin, ...args].map((arg) => `'${arg}'`).join(" ")}`;
    const { PATH = "" } = process.env;
    const own = {
      PATH,
      HOME: cli.directory,
      TERM: "xterm-256color",
      NODE: process.execPath,
      SHELL: "/bin/sh",
    };
    const child = spawn("script", ["-qec", line, "/dev/null"], {
      env: { ...own, ...env },
      stdio: ["pipe", "pipe", "inherit"],
    });
    let text = "";
    let isKilled = false;
    child.stdout.on("data", (chunk) => {
      text += String(chunk);
      if (kill === undefined || isKilled || !text.includes(kill.after)) return;
      isKilled = true;
      process.kill(Number(/pid (\d+)/u.exec(text)?.[1]), kill.signal);
    });
    const [code] = await once(child, "close");
    return { code, text: text.replace(/^.*pid \d+\r?\n/su, "") };
  }

  const explain = ["explain", "--cache", "team", "--repo", "o/r", "--branch", "main"];

  it("is coloured there, unless NO_COLOR or TERM says otherwise", async () => {
    await writeFile(config, toToml("http://127.0.0.1:9"));
    const args = [...explain, "--config", config];
    expect((await run(args)).text).toContain(`${ESCAPE}[32m`);
    expect((await run(args, { env: { NO_COLOR: "1" } })).text).not.toContain(ESCAPE);
    expect((await run(args, { env: { TERM: "dumb" } })).text).not.toContain(ESCAPE);
  }, 30_000);

  it("makes blocks of a table that a terminal of 40 columns has no room for", async () => {
    await writeFile(config, toToml("http://127.0.0.1:9"));
    const args = ["matrix", "--config", config, "--repo", "o/r"];
    const wide = toShown((await run(args, { columns: 160 })).text);
    expect(wide[0]).toMatch(/^cache +repository +what was built +answer +why/u);
    const narrow = toShown((await run(args, { columns: 40 })).text);
    expect(narrow[0]).toBe("cache: team");
    expect(Math.max(...narrow.map(({ length }) => length))).toBeLessThanOrEqual(40);
    expect(narrow).toContain("  pull request of its own");
  }, 30_000);

  describeWith("nix", "a push", () => {
    it.each([40, 100])(
      "has a bar for each cache on a terminal of %i columns, and leaves the cursor visible",
      async (columns) => {
        await using store = await PrivateNixStore.create();
        await using server = await BinaryCacheServer.start();
        await writeFile(config, toToml(server.url));
        const paths = await store.addMany("bar", 5);
        const caches = ["team", "a-cache-with-a-name-that-is-too-long-for-a-bar"];
        const flags = caches.flatMap((id) => ["--cache", id]);
        const args = ["push", "--config", config, ...flags, "--repo", "o/r", "--branch", "main", ...paths];
        const { code, text } = await run(args, { columns, env: { ...store.env, TERM: "xterm-256color" } });
        expect(code).toBe(0);
        const lines = toShown(text);
        const bars = lines.filter((line) => line.includes("["));
        const long = columns === 40 ? "a-cache-with..." : "a-cache-with-a-name-t...";
        for (const name of ["team", long])
          expect(bars.some((line) => line.startsWith(name) && /\[#+\] 5\/5 paths *$/u.test(line))).toBe(true);
        expect(Math.max(...bars.map(({ length }) => length))).toBeLessThanOrEqual(columns);
        expect(text.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(text.lastIndexOf(HIDE_CURSOR));
        expect(lines.slice(-2)).toEqual(
          caches.map((id) => expect.stringMatching(new RegExp(`pushed *${id}: 5 paths`, "u"))),
        );
      },
      60_000,
    );

    it("has one line a step where CI is set, and no escape codes", async () => {
      await using store = await PrivateNixStore.create();
      await using server = await BinaryCacheServer.start();
      await writeFile(config, toToml(server.url));
      const paths = await store.addMany("line", 3);
      const args = ["push", "--config", config, "--cache", "team", "--repo", "o/r", ...paths];
      const env = { ...store.env, CI: "true", NO_COLOR: "1" };
      const { code, text } = await run(args, { env });
      expect(code).toBe(0);
      expect(text).not.toContain(ESCAPE);
      expect(toShown(text)).toEqual([
        "team: started",
        "team: 3 paths to copy",
        "team: finished",
        "pushed  team: 3 paths",
      ]);
    }, 60_000);

    it("leaves the terminal as it was when it is interrupted", async () => {
      await using store = await PrivateNixStore.create();
      let narinfos = 0;
      // One path gets there, so that there is a bar.
      await using server = await BinaryCacheServer.start({
        hang: ({ method, path }) => method === "PUT" && path.endsWith(".narinfo") && ++narinfos > 1,
      });
      await writeFile(config, toToml(server.url));
      const paths = await store.addMany("interrupted", 3);
      const args = ["push", "--config", config, "--cache", "team", "--repo", "o/r", ...paths];
      const kill = { after: HIDE_CURSOR, signal: "SIGINT" } as const;
      const { code, text } = await run(args, { env: { ...store.env, TERM: "xterm" }, kill });
      expect(code).toBe(130);
      expect(text.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(text.lastIndexOf(HIDE_CURSOR));
      expect(toShown(text).at(-1)).toMatch(/aborted +team/u);
    }, 60_000);
  });
});
