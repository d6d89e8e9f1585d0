import { join } from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startServer } from "../integration/servers/loopback-server.ts";
import { startBrowser } from "../support/browser.ts";
import { InstalledCli } from "../support/installed-cli.ts";
import { describeWith } from "../support/requirement.ts";

const CONFIG = `
[[caches]]
id = "team"
cache_type = "cachix"
destination = "team"
credentials = { cachix-token = { env_var = "TOKEN" } }
permissions = { allow_all = false, allowed_repos = ["o/*", "shared/lib"], allowed_branches = ["main", "release/*"] }

[[caches]]
id = "open"
cache_type = "cachix"
destination = "open"
credentials = { cachix-token = { env_var = "TOKEN" } }
permissions = { allow_all = true }
`;

describeWith("chromium", "the access matrix as a page", () => {
  let cli: InstalledCli;
  let browser: Browser;
  beforeAll(async () => {
    cli = await InstalledCli.install();
    browser = await startBrowser();
  }, 180_000);
  afterAll(async () => {
    await browser.close();
    await cli[Symbol.asyncDispose]();
  });

  /** Opens what the command prints, from a file, and tells what the browser asked for and complained of. */
  async function open(args: readonly string[], colorScheme: "light" | "dark" = "light") {
    const config = await cli.toFile("ekaci.toml", CONFIG);
    const { stdout } = await cli.run(["matrix", "--config", config, "--format", "html", ...args]);
    const file = await cli.toFile("matrix.html", stdout);
    const page = await browser.newPage({ colorScheme });
    const seen: string[] = [];
    page.on("request", (request) => seen.push(request.url()));
    page.on("console", (message) => seen.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => seen.push(`error: ${error.message}`));
    const url = pathToFileURL(file).href;
    await page.goto(url);
    return { page, seen, url };
  }

  const readRows = (page: Page): Promise<readonly (readonly string[])[]> =>
    page
      .locator("tbody tr:visible")
      .evaluateAll((rows) =>
        rows.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent ?? "")),
      );

  it("finds a repository's rows by the keyboard alone, and asks nobody for anything", async () => {
    const { page, seen, url } = await open([]);
    const all = await readRows(page);
    // The cache, and then the repository.
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.type("SHARED/lib");
    const found = await readRows(page);
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThan(all.length);
    expect(new Set(found.map(([, repository]) => repository))).toEqual(new Set(["shared/lib"]));
    expect(found).toContainEqual([
      "team",
      "shared/lib",
      "branch main",
      "allow",
      "repository-and-branch-matched",
    ]);
    expect(await page.getByRole("status").textContent()).toBe(`${found.length} of ${all.length} rows`);
    await page.getByLabel("Answer").selectOption("deny");
    expect(new Set((await readRows(page)).map(([, , , answer]) => answer))).toEqual(new Set(["deny"]));
    // Past the two other filters: the table itself can be scrolled by keys.
    for (let step = 0; step < 3; step++) await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.getAttribute('role')")).toBe("region");
    expect(seen).toEqual([url]);
  }, 60_000);

  it.each(["light", "dark"] as const)(
    "is WCAG AA in %s colours",
    async (colorScheme) => {
      for (const args of [[], ["--diff", join(cli.directory, "ekaci.toml")]]) {
        const { page } = await open(args, colorScheme);
        await page.evaluate(axe.source);
        const found = await page.evaluate(
          `axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] })
           .then(({ violations, passes }) => ({ violations, rules: passes.map(({ id }) => id) }))`,
        );
        expect(found).toMatchObject({ violations: [] });
        expect(found).toMatchObject({ rules: expect.arrayContaining(["color-contrast", "label"]) });
      }
    },
    60_000,
  );

  it("shows hostile names as text", async () => {
    await using server = await startServer(() => ({ status: 200 }));
    const name = `o/<img src="${server.url}/x" onerror="fetch('${server.url}/y')"><script>fetch("${server.url}")</script>`;
    const { page, seen, url } = await open(["--repo", name, "--repo", "o/\u001b[31m\u202e"]);
    const repositories = new Set((await readRows(page)).map(([, repository]) => repository));
    expect(repositories).toEqual(new Set([name, "o/\\u{1b}[31m\\u{202e}"]));
    expect(server.requests).toEqual([]);
    expect(seen).toEqual([url]);
  }, 60_000);

  it("shows what a change opens", async () => {
    const former = await cli.toFile("former.toml", CONFIG.replace('"o/*", ', ""));
    const { page } = await open(["--diff", former]);
    expect(await readRows(page)).toContainEqual([
      "opens",
      "team",
      "o/any-name-at-all",
      "branch main",
      "repository-and-branch-matched",
    ]);
    expect(await page.locator("main").textContent()).toContain('team: allowed_repos gains "o/*"');
  }, 60_000);
});
