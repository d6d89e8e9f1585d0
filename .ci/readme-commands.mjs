// Prints the commands of the README that a newcomer runs in a checkout, one a line.
import { readFileSync } from "node:fs";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```/gmu)].map(([, code]) => code.trim().split("\n"));
for (const command of blocks.flat()) if (command.startsWith("npm ci")) console.log(command);
