import { describe, expect, it } from "vitest";
import { buildClosureCommand, parseClosure } from "../../src/commands/closure.ts";

const [A, B, C] = ["a", "b", "c"].map((letter) => `/nix/store/${letter.repeat(32)}-${letter}`) as [
  string,
  string,
  string,
];
const base = (path: string): string => path.slice("/nix/store/".length);

/** The same closure in the forms that Nix has had; a refers to itself and to b, and that to c. */
const FORMS: Readonly<Record<string, unknown>> = {
  "a list, as up to 2.18": [
    { path: A, narHash: "sha256-x", narSize: 3, references: [A, B], valid: true },
    { path: C, narSize: 1, references: [] },
    { path: B, narSize: 2, references: [C] },
  ],
  "an object, as from 2.19 on": {
    [A]: { narSize: 3, references: [A, B], signatures: [] },
    [B]: { narSize: 2, references: [C] },
    [C]: { narSize: 1, references: [] },
  },
  "the second format, as 2.33 has it": {
    version: 2,
    storeDir: "/nix/store",
    info: {
      [base(A)]: { narSize: 3, references: [base(A), base(B)] },
      [base(B)]: { narSize: 2, references: [base(C)] },
      [base(C)]: { narSize: 1, references: [] },
    },
  },
};

describe("the closure of paths", () => {
  it.each(Object.entries(FORMS))("is read from %s, references first", (_name, answer) => {
    expect([...(parseClosure(JSON.stringify(answer))?.values() ?? [])]).toEqual([
      { path: C, narSize: 1, references: [] },
      { path: B, narSize: 2, references: [C] },
      { path: A, narSize: 3, references: [B] },
    ]);
  });

  it.each<[name: string, answer: unknown]>([
    ["no JSON", "<html>"],
    ["nothing of a reference", [{ path: A, narSize: 1, references: [B] }]],
    ["a path that is not valid", { [A]: null }],
    ["no references", { [A]: { narSize: 1 } }],
    ["a reference that is no text", { [A]: { narSize: 1, references: [1] } }],
    ["a size that is none", { [A]: { narSize: "1", references: [] } }],
    ["a version that nobody knows", { version: 3, info: {} }],
  ])("is not known from an answer that says %s", (_name, answer) => {
    expect(parseClosure(typeof answer === "string" ? answer : JSON.stringify(answer))).toBeUndefined();
  });

  it("is sorted also where paths refer to each other in a circle", () => {
    const answer = { [A]: { narSize: 1, references: [B] }, [B]: { narSize: 1, references: [A] } };
    expect(parseClosure(JSON.stringify(answer))?.size).toBe(2);
  });

  it("is asked for without a network, and in the format that a newer nix wants named", () => {
    expect(buildClosureCommand([A], { namesFormat: false }).args.join(" ")).toBe(
      `--extra-experimental-features nix-command path-info --json --option substitute false --option builders  --max-jobs 0 --option download-attempts 1 --recursive -- ${A}`,
    );
    expect(buildClosureCommand([A], { namesFormat: true }).args).toContain("--json-format");
  });
});
