// Writes docs/errors.md: `npm run errors:update`. A test compares the page with what this makes.
import { writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { DIAGNOSTIC_GUIDE, ERROR_GUIDE, type Guide } from "./error-guide.ts";

const TITLES: Readonly<Record<keyof typeof ERROR_GUIDE, string>> = {
  ConfigError: "Configuration",
  PermissionError: "Permissions",
  CredentialError: "Credentials",
  CommandError: "Commands",
  PushError: "Pushes, queues and journals",
  ForgeError: "Events of forges",
  FileError: "Files, for hosts with ports of their own",
  HttpError: "HTTP, for hosts with ports of their own",
};

const INTRODUCTION =
  "Every error has a stable `code`, and its message says what happened in this case. This page says what the code means, why it occurs, and what to do. Messages never hold secrets: output of tools is redacted, and a received value that may be a secret is not quoted.";

const OTHER_HELP =
  "`eka-caches explain` says why a push was denied. `eka-caches check --probe` tells whether tools, credentials and destinations work.";

/** The whole page. */
export function makeErrorPage(): string {
  const errors = Object.entries(ERROR_GUIDE).map(([kind, codes]) => {
    const title = Object.entries(TITLES).find(([name]) => name === kind)?.[1] ?? kind;
    return `## ${title}\n\nThe class is \`${kind}\`.\n\n${Object.entries(codes).map(toSection).join("\n")}`;
  });
  const diagnostics = Object.entries(DIAGNOSTIC_GUIDE).map(([code, guide]) =>
    toSection([code, { ...guide, what: `*${capitalise(guide.severity)}.* ${guide.what}` }]),
  );
  const introduction = `# Errors and diagnostics\n\n${wrap(INTRODUCTION)}\n\n${wrap(OTHER_HELP)}\n`;
  return [introduction, ...errors, `## Diagnostics\n\n${wrap(PLACES)}\n\n${diagnostics.join("\n")}`].join(
    "\n",
  );
}

const PLACES =
  "These describe problems of a configuration file, each with its place. An error prevents the file from being used; a warning does not. See [diagnostics](diagnostics.md).";

function toSection([code, { what, why, fix }]: readonly [string, Guide]): string {
  const sentences = [what, why, fix].filter((sentence) => sentence !== undefined);
  return `### \`${code}\`\n\n${wrap(sentences.join(" "))}\n`;
}

/** Breaks a paragraph into lines as long as those of the sources. */
function wrap(paragraph: string): string {
  return paragraph.replaceAll(/(.{1,110})(?: |$)/gu, "$1\n").trimEnd();
}

function capitalise(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  writeFileSync(fileURLToPath(new URL("../docs/errors.md", import.meta.url)), makeErrorPage());
