import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startBrowser } from "../support/browser.ts";
import { describeWith } from "../support/requirement.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SITE = join(ROOT, "temp/site");
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};

/** Serves the site as a web server does that knows clean URLs. */
function serve(): Server {
  return createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://site").pathname);
    const file = [path, `${path}.html`, `${path}index.html`, `${path}/index.html`]
      .map((name) => join(SITE, name))
      .find((name) => extname(name) !== "" && name.startsWith(SITE) && existsSync(name));
    response.writeHead(file === undefined ? 404 : 200, {
      "content-type": TYPES[extname(file ?? "")] ?? "application/octet-stream",
    });
    response.end(file === undefined ? "" : readFileSync(file));
  }).listen(0, "127.0.0.1");
}

describeWith("chromium", "the documentation site", () => {
  let browser: Browser;
  let server: Server;
  let base: string;
  beforeAll(async () => {
    execFileSync("npm", ["run", "--silent", "docs"], { cwd: ROOT, stdio: "pipe" });
    server = serve();
    await once(server, "listening");
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await startBrowser();
  }, 300_000);
  afterAll(async () => {
    await browser.close();
    server.close();
    server.closeAllConnections();
  });

  /** Opens a page, and tells what went wrong on it. */
  async function open(path: string, colorScheme: "light" | "dark" = "light") {
    const page = await browser.newPage({ colorScheme });
    const faults: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") faults.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
    page.on("request", (request) => {
      if (!request.url().startsWith(base) && !request.url().startsWith("data:"))
        faults.push(`asks ${request.url()}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`);
    });
    await page.goto(`${base}${path}`, { waitUntil: "networkidle" });
    return { page, faults };
  }

  const listLinks = (page: Page): Promise<readonly string[]> =>
    page
      .locator(".VPSidebar a, .VPNavBar a")
      .evaluateAll((links) => links.map((link) => link.getAttribute("href") ?? ""));

  it("loads each page of the navigation without a fault, and asks nobody else", async () => {
    const first = await open("/guides/first-cache");
    const links = new Set((await listLinks(first.page)).filter((link) => link.startsWith("/")));
    expect(links.size).toBeGreaterThan(20);
    await first.page.close();
    for (const link of links) {
      const { page, faults } = await open(link);
      expect(faults, link).toEqual([]);
      expect(await page.locator("h1").first().textContent(), link).not.toBe("404");
      await page.close();
    }
  }, 180_000);

  it("has a page of the API for each entry, with its examples", async () => {
    const { page, faults } = await open("/api/");
    const entries = await page.locator("main li a").allTextContents();
    expect(entries).toEqual(expect.arrayContaining(["index", "decisions", "forges", "postgres", "testing"]));
    await page.goto(`${base}/api/index/functions/parseServerConfig`, { waitUntil: "networkidle" });
    expect(await page.locator("main").textContent()).toContain("cachix-token");
    expect(faults).toEqual([]);
    await page.close();
  }, 60_000);

  it("finds at-least-once", async () => {
    const { page, faults } = await open("/");
    await page.keyboard.press("Control+k");
    await page.locator("#localsearch-input").fill("at-least-once");
    const found = page.locator(".VPLocalSearchBox .result");
    await found.first().waitFor();
    expect((await found.allTextContents()).join("\n")).toMatch(/Delivery|Several machines/u);
    await found.first().press("Enter");
    expect(faults).toEqual([]);
    await page.close();
  }, 60_000);

  it("draws the rooms of the code, in light and dark", async () => {
    for (const scheme of ["light", "dark"] as const) {
      const { page, faults } = await open("/development", scheme);
      const picture = page.locator(".mermaid svg");
      await picture.waitFor();
      expect(await picture.textContent()).toContain("registry: one push");
      expect(faults).toEqual([]);
      await page.close();
    }
  }, 60_000);

  it("is light and dark", async () => {
    const colours = await Promise.all(
      (["light", "dark"] as const).map(async (scheme) => {
        const { page } = await open("/delivery", scheme);
        const colour = await page.evaluate("getComputedStyle(document.body).backgroundColor");
        await page.close();
        return colour;
      }),
    );
    expect(new Set(colours).size).toBe(2);
  }, 60_000);
});
