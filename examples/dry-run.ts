/**
 * What a push would do, without doing it: `npx tsx examples/dry-run.ts [ekaci.toml [config.json]]` checks
 * both files, decides about every job of the repository for a branch and for a pull request from a fork, and
 * prints the commands that would run. Nothing is run or fetched, and no credential is read.
 */
import { readFile } from "node:fs/promises";
import {
  CacheRegistry,
  explainDecision,
  formatDiagnostic,
  type GitRef,
  lintRepositoryConfig,
  loadRepositoryConfig,
} from "@eka-ci/caches";

const [serverFile = "examples/policy/ekaci.toml", repositoryFile = "examples/policy/config.json"] =
  process.argv.slice(2);
const REPOSITORY = "company/backend";
const REFS: readonly GitRef[] = [
  { type: "branch", name: "main" },
  { type: "pull-request", number: 7, head: { repository: "stranger/backend", branch: "main" } },
];
const OUTPUTS = ["/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-backend-1.0"];

await using registry = CacheRegistry.fromToml(await readFile(serverFile, "utf8"), {
  onDiagnostic: (diagnostic) => console.log(formatDiagnostic(diagnostic, { style: "frame" })),
});
const repositoryConfig = await loadRepositoryConfig(repositoryFile);

for (const finding of lintRepositoryConfig(repositoryConfig, registry.config, {
  repository: REPOSITORY,
  ref: REFS[0],
}))
  console.log(formatDiagnostic(finding));

for (const ref of REFS) {
  console.log(
    `\n${ref.type === "pull-request" ? `pull request ${ref.number} of a fork` : `${ref.type} ${ref.name}`}`,
  );
  for (const [job, { caches }] of repositoryConfig.jobs) {
    const plan = registry.plan({ repository: REPOSITORY, ref, job, caches, storePaths: OUTPUTS });
    for (const { decision, commands, error } of plan.entries) {
      console.log(`  ${job}: ${explainDecision(decision)}`);
      for (const command of commands) console.log(`    ${command}`);
      if (error !== undefined) console.log(`    ${error.code}: ${error.message}`);
    }
  }
}
