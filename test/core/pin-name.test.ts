import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findPinProblem, type PinFacts, toPinName } from "../../src/core/pin-name.ts";

describe("the name of a pin", () => {
  it.each(["{name}", "{repository}:{ref}:{job}:{name}", "v1/{name}", "{ref}@{name}=x"])(
    "is made from %s",
    (template) => {
      expect(findPinProblem(template)).toBeUndefined();
    },
  );

  it.each([
    "",
    "{job}",
    "-{name}",
    ":{name}",
    "a b{name}",
    "{name}\n",
    "{name}{job}",
    "{job}-{name}",
    "{job}/{name}",
    "{job}~{name}",
    "{job}={name}",
    "{name}:{name}",
    "{name}:{user}",
    "{name}:{",
    "{name}:}",
    "{{name}}",
    "é{name}",
    `${"a".repeat(200)}{name}`,
  ])("is not made from %j", (template) => {
    expect(findPinProblem(template)).toBeTypeOf("string");
  });

  const facts: PinFacts = {
    repository: "o/r",
    ref: { type: "branch", name: "main" },
    job: "build x",
    name: "hello-2.12",
  };
  it("keeps what is plain, and encodes the rest", () => {
    expect(toPinName("{repository}:{ref}:{job}:{name}", facts)).toBe("o/r:main:build~20x:hello-2.12");
    expect(toPinName("{job}:{name}", { ...facts, job: "-é:~$(id)\n" })).toBe(
      "~2d~c3~a9~3a~7e~24~28id~29~0a:hello-2.12",
    );
  });

  it("never begins with a hyphen", () => {
    expect(toPinName("{name}", { ...facts, name: "--help" })).toBe("~2d-help");
    expect(toPinName("{job}:{name}", { ...facts, job: "-o" })).toBe("~2do:hello-2.12");
  });

  it("is another for other facts, and one word of printable ASCII", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("a", "a/b", "a:b", ":", "~3a", "tag=v1", "b"),
    );
    const some = fc.record({
      repository: text,
      ref: fc.record({ type: fc.constantFrom("branch" as const, "tag" as const), name: text }),
      job: text,
      name: text,
    });
    const templates = fc.constantFrom("{repository}:{ref}:{job}:{name}", "{job}@{ref}+x:{repository}%{name}");
    fc.assert(
      fc.property(templates, some, some, (template, one, other) => {
        const [first, second] = [toPinName(template, one), toPinName(template, other)];
        expect(first).toMatch(/^[\x21-\x7e]*$/u);
        if (JSON.stringify(one) !== JSON.stringify(other)) expect(first).not.toBe(second);
      }),
    );
  });
});
