// Refuses a release that does not fit: `npm run check:release -- v0.2.0 owner/name`. Writes the notes of the
// version to release-notes.md.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

/** What a release is made of. */
export interface Release {
  /** The tag, as in `v0.2.0`. */
  readonly tag: string;
  /** The repository that runs the release, as `owner/name`. */
  readonly repository: string;
  /** The text of `package.json`, and that of `CHANGELOG.md`. */
  readonly manifest: string;
  readonly changelog: string;
}

/** What is wrong with a release, and the notes of its version. */
export function checkRelease({ tag, repository, manifest, changelog }: Release): {
  readonly problems: readonly string[];
  readonly notes: string;
} {
  const { version, repository: declared } = JSON.parse(manifest) as {
    version: string;
    repository?: { url?: string };
  };
  const section = changelog.split(/^## /mu).find((text) => text.startsWith(`${version} `)) ?? "";
  const notes = section.split("\n").slice(1).join("\n").trim();
  const place = /github\.com[/:]([^/]+\/[^/]+?)(?:\.git)?$/u.exec(declared?.url ?? "")?.[1];
  const checks: readonly (readonly [isRight: boolean, problem: string])[] = [
    [tag === `v${version}`, `The tag is ${tag}, and package.json says ${version}`],
    [
      place === repository,
      `package.json names the repository ${place ?? "nowhere"}, and this is ${repository}`,
    ],
    [notes !== "", `CHANGELOG.md has no section "## ${version} - <date>" with a text`],
  ];
  return { problems: checks.flatMap(([isRight, problem]) => (isRight ? [] : [problem])), notes };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [tag = "", repository = ""] = process.argv.slice(2);
  const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");
  const release = { tag, repository, manifest: read("package.json"), changelog: read("CHANGELOG.md") };
  const { problems, notes } = checkRelease(release);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else writeFileSync("release-notes.md", `${notes}\n`);
}
