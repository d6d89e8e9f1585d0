// Kills, pauses, misleads and fills until nothing is left to break:
// `npm run soak [-- --journal postgres --kills 1000 --seed 7]`. Prints `lost 0, settled twice 0, untold 0`
// (and `bound exceeded 0`), and the seed that repeats the plan; exits with 1 otherwise.
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    journal: { type: "string", default: "sqlite" },
    kills: { type: "string", default: "1000" },
    seed: { type: "string" },
  },
});
const plan = {
  kills: Number(values.kills),
  seed: Number(values.seed ?? Math.floor(Math.random() * 2 ** 31)),
};

switch (values.journal) {
  case "sqlite":
    await (await import("./file-soak.ts")).soak(plan);
    break;
  case "postgres":
    await (await import("./postgres-soak.ts")).soak(plan);
    break;
  default:
    throw new Error("--journal is sqlite or postgres");
}
