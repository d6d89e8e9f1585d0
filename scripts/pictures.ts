// Makes the pictures of the documentation with the installed Chromium: `npm run pictures`, after a change of what they show.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startBrowser } from "../test/support/browser.ts";

const pathOf = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
const images = pathOf("docs/images/");
mkdirSync(images, { recursive: true });

const config = pathOf("examples/policy/ekaci.toml");
const page = execFileSync(
  process.execPath,
  [pathOf("dist/cli.js"), "matrix", "--config", config, "--format", "html"],
  { encoding: "utf8" },
);
const browser = await startBrowser();
const view = await browser.newPage({ viewport: { width: 1100, height: 620 }, colorScheme: "light" });
await view.setContent(page);
await view.getByLabel("Answer").selectOption("allow");
await view.screenshot({ path: `${images}access-matrix.png` });
await browser.close();
