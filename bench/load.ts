// What reading a configuration costs beside parsing its TOML: `npm run bench:load`. Exits with 1 if 10,000
// caches take more than 1.2 times as long as `toml.parse` of the same text alone, or if the time does not
// grow linearly from 100 to 10,000.
import { createRequire } from "node:module";
import { parseServerConfig } from "@eka-ci/caches";
import { measureGrowth } from "./support/growth.ts";
import { race } from "./support/race.ts";
import { nameVersion, Scoreboard } from "./support/scoreboard.ts";

// As the package loads it: by an import, tsx would make another copy of it, which is optimised by itself.
const { parse } = createRequire(import.meta.url)("toml") as typeof import("toml");
const LARGEST = 10_000;

const toToml = (count: number): string =>
  Array.from(
    { length: count },
    (_cache, index) => `
[[caches]]
id = "cache-${index}"
cache_type = "nix-copy"
destination = "s3://bucket-${index}/nix?region=us-east-1"
credentials = { env = { vars = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } }
[caches.permissions]
allow_all = false
allowed_repos = ["team-${index}/*", "shared/*", "company/app-${index}"]
allowed_branches = ["main", "release/*"]
`,
  ).join("");

const text = toToml(LARGEST);
if (parseServerConfig(text).caches.length !== LARGEST) throw new Error("Not all caches were read");

const board = new Scoreboard(nameVersion("toml"));
const times = await race({ parse: () => parse(text), load: () => parseServerConfig(text) }, 25);
const mebibytes = Buffer.byteLength(text) / 2 ** 20;
board.add({ what: `size of the text with ${LARGEST} caches`, value: mebibytes, unit: "MiB" });
board.add({ what: "toml.parse", value: times.parse, unit: "ms" });
board.add({ what: "parseServerConfig", value: times.load, unit: "ms" });
board.addAtMost("parseServerConfig / toml.parse", times.load / times.parse, 1.2);
const sizes = [100, 300, 1_000, 3_000, LARGEST];
const { exponent } = measureGrowth("load", sizes.map(toToml), (input) => void parseServerConfig(input), 5);
board.add({
  what: `growth from 100 to ${LARGEST} caches, as the exponent of a power law`,
  value: exponent,
  unit: "",
  goal: "at most 1.25; linear is 1",
  isMet: exponent <= 1.25,
});
board.finish();
