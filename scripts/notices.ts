// Writes the notices of the packages that the build puts into `dist`: `npm run notices:update`.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BUNDLED } from "./bundled-packages.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The notices, as they have to stand in the file. */
export function composeNotices(): string {
  const notices = BUNDLED.map((name) => {
    const directory = join(ROOT, "node_modules", name);
    const { version } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
    const file = readdirSync(directory).find((entry) => /^licen[cs]e/iu.test(entry));
    if (file === undefined) throw new Error(`${name} has no license`);
    return `## ${name} ${version}\n\n${readFileSync(join(directory, file), "utf8").trim()}\n`;
  });
  return `# Third-party notices\n\nThe files in \`dist\` contain code of these packages.\n\n${notices.join("\n")}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(join(ROOT, "THIRD-PARTY-NOTICES.md"), composeNotices());
