import { Secret } from "@eka-ci/caches";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CommandSpec } from "../../src/commands/command.ts";
import { CommandOutput } from "../../src/execution/command-output.ts";
import type { ExecutionResult } from "../../src/execution/executor.ts";
import { Redactor } from "../../src/execution/redactor.ts";

const CANARY = "canary/Zq7+4f1d9c=wJalr";

const command = (logFormat?: "nix-internal-json"): CommandSpec => ({
  file: "nix",
  args: [],
  env: new Map([["TOKEN", new Secret(CANARY)]]),
  files: [],
  logFormat,
});

const ended: ExecutionResult = {
  ...{
    outcome: "failed",
    exitCode: 1,
    signal: null,
    durationMs: 1,
    stdout: "",
    stderr: "",
    truncated: false,
  },
};

/** Everything that leaves: what is streamed, and what is kept. */
function read(pieces: readonly string[], logFormat?: "nix-internal-json"): string {
  let streamed = "";
  // As an executor redacts what it streams.
  const redactor = new Redactor([CANARY]);
  const output = new CommandOutput(command(logFormat), {
    hostSecrets: [],
    onOutput: ({ text }) => (streamed += text),
    onMove: () => {},
  });
  let kept = "";
  for (const piece of pieces) {
    const text = redactor.push(piece);
    kept += text;
    output.push({ stream: "stderr", text });
  }
  const rest = redactor.end();
  output.push({ stream: "stderr", text: rest });
  const { stderr } = output.finish({ ...ended, stderr: kept + rest });
  return `${streamed}\n${stderr}`;
}

const message = (json: string): string => `@nix {"action":"msg","level":0,"msg":"before ${json} behind"}\n`;

describe("what nix writes for programs is redacted after it was decoded", () => {
  const units = [...CANARY];
  const escapeAll = units.map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
  it.each<[shape: string, json: string]>([
    ["as it is", CANARY],
    ["with an escaped slash", CANARY.replace("/", "\\/")],
    ["with a slash as \\u002f", CANARY.replace("/", "\\u002f")],
    ["with a slash as \\u002F", CANARY.replace("/", "\\u002F")],
    ["with every unit escaped", escapeAll],
    ["with a colour in the middle", `${CANARY.slice(0, 9)}\\u001b[1m${CANARY.slice(9)}`],
    ["with a colour after each unit", units.join("\\u001b[0m")],
    ["with a title in the middle", `${CANARY.slice(0, 9)}\\u001b]0;x\\u0007${CANARY.slice(9)}`],
    ["with C1 codes in the middle", `${CANARY.slice(0, 9)}\\u009b1m${CANARY.slice(9)}`],
    ["escaped and coloured", escapeAll.replace("\\u0063", "\\u0063\\u001b[35m")],
  ])("%s", (_shape, json) => {
    for (const pieces of [[message(json)], [...message(json)]]) {
      const shown = read(pieces, "nix-internal-json");
      expect(shown).not.toContain(CANARY);
      expect(shown).toContain("[redacted] behind");
    }
  });

  it("also where a secret is spread over the text of an activity", () => {
    const start = `@nix {"action":"start","id":1,"level":3,"text":"copying ${CANARY.replace("/", "\\u002f")}","type":100}\n`;
    expect(read([start], "nix-internal-json")).not.toContain(CANARY);
  });

  it("also where a secret holds a line break, and its lines are messages of their own", () => {
    const twoLines = "first-line-of-it\nsecond-line-of-it";
    const output = new CommandOutput(
      { ...command("nix-internal-json"), env: new Map([["TOKEN", new Secret(twoLines)]]) },
      { hostSecrets: [], onMove: () => {} },
    );
    const [first = "", second = ""] = twoLines.split("\n");
    for (const msg of [first, second])
      output.push({ stream: "stderr", text: `@nix ${JSON.stringify({ action: "msg", msg })}\n` });
    expect(output.finish(ended).stderr).not.toContain(second);
  });
});

const toHex = (text: string): string => Buffer.from(text).toString("hex");
const wrap = (text: string, width: number, lineEnd: string): string =>
  text.replace(new RegExp(`.{${width}}`, "gu"), `$&${lineEnd}`);

describe("a redactor finds a secret", () => {
  const base64 = Buffer.from(`user:${CANARY}`).toString("base64").replace(/=+$/u, "");
  it.each<[form: string, text: string]>([
    ["with every byte percent-encoded", toHex(CANARY).replace(/../gu, "%$&")],
    ["with every byte percent-encoded in upper case", toHex(CANARY).toUpperCase().replace(/../gu, "%$&")],
    ["in hexadecimal", toHex(CANARY)],
    ["in hexadecimal in upper case", toHex(CANARY).toUpperCase()],
    ["in base64url", Buffer.from(CANARY).toString("base64url")],
    ["in base64 broken by line ends", wrap(base64, 8, "\n")],
    ["in base64 broken by DOS line ends", wrap(base64, 5, "\r\n")],
    ["in base64 broken and indented", wrap(base64, 7, "\n    ")],
    ["in hexadecimal broken by line ends", wrap(toHex(CANARY), 16, "\n")],
  ])("%s", (_form, text) => {
    const redactor = new Redactor([CANARY]);
    const shown = [...`before ${text} behind`].map((unit) => redactor.push(unit)).join("") + redactor.end();
    const plain = shown.replaceAll(/\s/gu, "");
    expect(plain).toContain("[redacted]");
    // What depends on its neighbours may stay: a letter before and behind, and what stands for `user:`.
    expect(plain.replace("[redacted]", "").length).toBeLessThan("beforebehind".length + 10);
  });

  it("gives the same wherever wrapped text is cut", () => {
    const text = `x ${wrap(Buffer.from(CANARY).toString("base64"), 6, "\n")} y ${CANARY} ${wrap(toHex(CANARY), 9, "\r\n")} z`;
    const whole = new Redactor([CANARY]);
    const expected = whole.push(text) + whole.end();
    fc.assert(
      fc.property(fc.array(fc.nat({ max: text.length }), { maxLength: 12 }), (cuts) => {
        const redactor = new Redactor([CANARY]);
        const edges = [0, ...cuts.sort((a, b) => a - b), text.length];
        const pieces = edges.slice(1).map((end, index) => text.slice(edges[index], end));
        expect(pieces.map((piece) => redactor.push(piece)).join("") + redactor.end()).toBe(expected);
      }),
    );
  });
});
