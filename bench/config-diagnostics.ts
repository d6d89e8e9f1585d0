// How the time to a configuration or its diagnostics grows with the size of a hostile text:
// `npm run bench:config`. Exits with 1 if any family grows faster than bytes to the power of 1.25, measured
// over a factor of 16.
import { cpus } from "node:os";
import { formatDiagnostic, safeParseRepositoryConfig, safeParseServerConfig } from "@eka-ci/caches";
import { migrateHooks } from "@eka-ci/caches/migration";
import { type Growth, measureGrowth } from "./support/growth.ts";
import { HOSTILE_FAMILIES, type HostileFamily } from "./support/hostile-texts.ts";

const KIB = 1024;
const SIZES = { server: [128, 256, 512, 1024, 2048], repository: [15, 30, 60, 120, 240] } as const;
const LIMIT = 1.25;

function read({ file }: HostileFamily, text: string): void {
  const result = file === "server" ? safeParseServerConfig(text) : safeParseRepositoryConfig(text);
  for (const diagnostic of result.diagnostics) formatDiagnostic(diagnostic, { style: "frame" });
}

function migrate(text: string): void {
  try {
    migrateHooks(text);
  } catch {
    // A file that is no JSON has nothing to migrate; the time until it says so counts all the same.
  }
}

function measure(family: HostileFamily): readonly Growth[] {
  const inputs = SIZES[family.file].map((kib) => family.make(kib * KIB));
  const reading = measureGrowth(family.name, inputs, (text) => read(family, text), 3);
  if (family.file === "server") return [reading];
  return [reading, measureGrowth(`${family.name}, migrated`, inputs, migrate, 3)];
}

console.log(`${cpus()[0]?.model}, Node.js ${process.version}; fastest of 3 runs`);
console.log("server: 128 KiB to 2 MiB, repository: 15 to 240 KiB\n");
console.log("| input | smallest | largest | exponent |\n|---|---|---|---|");
const growths: Growth[] = [];
for (const family of HOSTILE_FAMILIES) {
  for (const growth of measure(family)) {
    growths.push(growth);
    const [first, last] = [growth.points[0]?.ms ?? 0, growth.points.at(-1)?.ms ?? 0];
    console.log(
      `| ${growth.name} | ${first.toFixed(1)} ms | ${last.toFixed(1)} ms | ${growth.exponent.toFixed(2)} |`,
    );
  }
}
const steep = growths.filter(({ exponent }) => exponent > LIMIT);
if (steep.length > 0) {
  console.error(`\nfaster than linear: ${steep.map(({ name }) => name).join(", ")}`);
  process.exitCode = 1;
}
