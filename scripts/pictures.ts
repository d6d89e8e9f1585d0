// Makes the pictures of the documentation with the installed Chromium and Nix: `npm run pictures`, after a
// change of what they show.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { PrivateNixStore } from "../examples/support/private-nix-store.ts";
import { startBrowser } from "../test/support/browser.ts";
import { TerminalScreen } from "./terminal-screen.ts";

const pathOf = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
const program = pathOf("dist/cli.js");
const images = pathOf("docs/images/");
const directory = mkdtempSync(join(tmpdir(), "eka-ci-pictures-"));
mkdirSync(images, { recursive: true });
const browser = await startBrowser();

async function photographTerminal(name: string, command: string, output: string): Promise<void> {
  const toHtml = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const view = await browser.newPage({ viewport: { width: 900, height: 300 } });
  await view.setContent(`<style>
    body { margin: 0; background: #fff }
    pre { display: inline-block; margin: 0; padding: 16px 20px; background: #1b1b1f; color: #dfdfd6; font: 14px/1.5 monospace }
    b { color: #8fd18f; font-weight: normal }
  </style><pre><b>$</b> ${toHtml(command)}\n${toHtml(output)}</pre>`);
  await view.locator("pre").screenshot({ path: `${images}${name}.png` });
  await view.close();
}

async function photographMatrix(): Promise<void> {
  const args = [program, "matrix", "--config", pathOf("examples/policy/ekaci.toml"), "--format", "html"];
  const view = await browser.newPage({ viewport: { width: 1100, height: 620 }, colorScheme: "light" });
  await view.setContent(execFileSync(process.execPath, args, { encoding: "utf8" }));
  await view.getByLabel("Answer").selectOption("allow");
  await view.screenshot({ path: `${images}access-matrix.png` });
}

async function photographDiagnostic(): Promise<void> {
  const text = `[[caches]]
id = "team"
cache_type = "nix-copy"
destination = "s3://team-cache?region=eu-central-1"
credentials = { env = { vars = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } }
permissions = { allow_all = false, allowed_repo = ["company/*"] }
`;
  writeFileSync(join(directory, "ekaci.toml"), text);
  const child = spawn(process.execPath, [program, "check", "--config", "ekaci.toml"], { cwd: directory });
  let said = "";
  child.stderr.on("data", (piece) => {
    said += String(piece);
  });
  await once(child, "close");
  await photographTerminal("diagnostic", "eka-caches check --config ekaci.toml", said.trim());
}

/** A cache in memory that takes its time. */
async function startSlowCache(delayMs: number): Promise<{ readonly url: string; close(): void }> {
  const objects = new Map<string, Buffer>();
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    await sleep(delayMs);
    if (request.method === "PUT") objects.set(request.url ?? "", body);
    const found = objects.get(request.url ?? "");
    response.statusCode = found === undefined ? 404 : 200;
    response.end(request.method === "GET" ? found : undefined);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

async function photographBars(): Promise<void> {
  await using store = await PrivateNixStore.create();
  const paths = await store.addMany("output", 300);
  const caches = [await startSlowCache(20), await startSlowCache(400)];
  const tables = caches.map(
    ({ url }, index) => `[[caches]]
id = "${["team", "archive"][index]}"
cache_type = "nix-copy"
destination = "${url}"
credentials = "none"
permissions = { allow_all = true }
`,
  );
  const config = join(directory, "bars.toml");
  writeFileSync(config, `[security]\nallow_private_cache_hosts = true\n${tables.join("")}`);
  writeFileSync(join(directory, "paths"), `${paths.join("\n")}\n`);
  const flags = "--cache team --cache archive --repo o/r --branch main";
  const line = `stty cols 90 rows 24; "${process.execPath}" "${program}" push --config "${config}" ${flags} < "${directory}/paths"`;
  const env = {
    ...store.env,
    PATH: process.env["PATH"],
    TERM: "xterm-256color",
    SHELL: "/bin/sh",
    HOME: directory,
  };
  const child = spawn("script", ["-qec", line, "/dev/null"], { env, stdio: ["ignore", "pipe", "inherit"] });
  const screen = new TerminalScreen();
  let shown = "";
  child.stdout.on("data", (piece) => {
    screen.write(String(piece));
    // In the middle: one has all, and the other has some.
    if (/team.*300\/300[\s\S]*archive.*\s(?:[1-9]\d?|[12]\d\d)\/300/u.test(screen.text)) shown = screen.text;
  });
  await once(child, "close");
  for (const { close } of caches) close();
  if (shown === "") throw new Error("The bars were not seen in the middle");
  await photographTerminal("progress-bars", `eka-caches push ${flags} < paths`, shown);
}

try {
  await photographMatrix();
  await photographDiagnostic();
  await photographBars();
} finally {
  await browser.close();
  rmSync(directory, { recursive: true, force: true });
}
