// Compares the public API of each entry with its report in `etc/`, and fails where they differ:
// `npm run check:api`. With `--local` it writes the reports anew.
import { fileURLToPath } from "node:url";
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import { ENTRIES } from "./entries.ts";

const configPath = fileURLToPath(new URL("../api-extractor.json", import.meta.url));
const localBuild = process.argv.includes("--local");

for (const entry of ["index", ...ENTRIES]) {
  const configObject = ExtractorConfig.loadFile(configPath);
  configObject.mainEntryPointFilePath = `<projectFolder>/dist/${entry}.d.ts`;
  const reportFileName = entry === "index" ? "caches.api.md" : `caches-${entry}.api.md`;
  configObject.apiReport = { enabled: true, ...configObject.apiReport, reportFileName };
  // What an entry shares with the main one is exported there.
  if (entry !== "index")
    configObject.messages = {
      ...configObject.messages,
      extractorMessageReporting: {
        ...configObject.messages?.extractorMessageReporting,
        "ae-forgotten-export": { logLevel: ExtractorLogLevel.None },
        "ae-unresolved-link": { logLevel: ExtractorLogLevel.None },
      },
    };
  const packageJsonFullPath = fileURLToPath(new URL("../package.json", import.meta.url));
  const config = ExtractorConfig.prepare({
    configObject,
    configObjectFullPath: configPath,
    packageJsonFullPath,
  });
  if (!Extractor.invoke(config, { localBuild }).succeeded) process.exitCode = 1;
}
