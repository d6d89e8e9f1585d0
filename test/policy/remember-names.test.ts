import { describe, expect, it } from "vitest";
import { rememberNames } from "../../src/policy/remember-names.ts";

describe("what is remembered of names", () => {
  it("is what the function says, whatever was asked before", () => {
    const calls: string[] = [];
    const isShort = rememberNames((name) => {
      calls.push(name);
      return name.length < 3;
    });
    for (const name of ["a", "a", "long", "a", "long", "", ""]) expect(isShort(name)).toBe(name.length < 3);
    expect(calls).toEqual(["a", "long", ""]);
  });

  it("keeps no text alive that a name was cut out of", () => {
    const kept: string[] = [];
    const remember = rememberNames((name) => {
      kept.push(name);
      return name;
    });
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 200; index++)
      remember(
        /name-\d+-of-a-stranger/u.exec(`${"x".repeat(1_000_000)}name-${index}-of-a-stranger`)?.[0] ?? "",
      );
    expect(kept).toHaveLength(200);
    // 200 bodies of a megabyte each; what is not collected yet is far less than all.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(150_000_000);
  });

  it("is bounded in number and length", () => {
    let calls = 0;
    const remembered = rememberNames((name) => `${name}${++calls}`);
    for (let index = 0; index < 10_000; index++) remembered(String(index));
    expect(remembered("9999")).toBe("999910000");
    expect(remembered("0")).toBe("010001");
    const long = "x".repeat(10_000);
    expect(remembered(long)).not.toBe(remembered(long));
  });
});
