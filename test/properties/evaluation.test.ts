import {
  type AccessRequest,
  type CachePermissions,
  compilePermissions,
  explainDecision,
} from "@eka-ci/caches";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const repositoryPattern = fc.constantFrom("a/b", "a/*", "*/b", "*/*", "a/b*", "a/*/c");
const branchPattern = fc.constantFrom("main", "release/*", "*/hotfix", "*", "a*b");
const permissions: fc.Arbitrary<CachePermissions> = fc.record({
  allowAll: fc.boolean(),
  allowedRepos: fc.option(fc.array(repositoryPattern, { maxLength: 3 }), { nil: undefined }),
  allowedBranches: fc.option(fc.array(branchPattern, { maxLength: 3 }), { nil: undefined }),
  allowForks: fc.option(fc.boolean(), { nil: undefined }),
});

const repository = fc.oneof(
  fc.constantFrom("a/b", "a/x/c", "a/c", "A/b", "x/b"),
  fc.string({ unit: "binary" }),
);
const branch = fc.oneof(
  fc.constantFrom("main", "release/1", "x/hotfix", "ab", "refs/heads/main"),
  fc.string({ unit: "binary" }),
);
const ref = fc.oneof(
  fc.constant(undefined),
  fc.record({ type: fc.constant("branch"), name: branch }),
  fc.record({ type: fc.constant("tag"), name: branch }),
  fc.record({
    type: fc.constant("pull-request"),
    number: fc.integer(),
    head: fc.record({ repository, branch }),
  }),
);
const request: fc.Arbitrary<AccessRequest> = fc.record({ repository, ref }) as fc.Arbitrary<AccessRequest>;

describe("evaluation", () => {
  it("is total, and every answer prints as one line of ASCII", () => {
    fc.assert(
      fc.property(permissions, request, (rules, asked) => {
        const decision = compilePermissions(rules).evaluate(asked);
        expect(["allow", "deny"]).toContain(decision.effect);
        expect(explainDecision(decision)).toMatch(/^[\x20-\x7e]+$/u);
      }),
      { numRuns: 5_000 },
    );
  });

  it("is total for anything at all", () => {
    const policy = compilePermissions({ allowAll: false, allowedRepos: ["a/*"], allowedBranches: ["*"] });
    fc.assert(
      fc.property(fc.anything(), (anything) => {
        expect(policy.evaluate(anything as AccessRequest).effect).toBe("deny");
      }),
      { numRuns: 5_000 },
    );
  });

  it("allows nothing with empty lists", () => {
    fc.assert(
      fc.property(request, fc.boolean(), (asked, allowForks) => {
        const decision = compilePermissions({ allowAll: false, allowedRepos: [], allowForks }).evaluate(
          asked,
        );
        expect(decision.effect).toBe("deny");
      }),
    );
  });

  it("never takes an allowance away when a repository is added", () => {
    fc.assert(
      fc.property(permissions, repositoryPattern, request, (rules, added, asked) => {
        fc.pre(!rules.allowAll);
        const before = compilePermissions(rules).evaluate(asked);
        const wider = { ...rules, allowedRepos: [...(rules.allowedRepos ?? []), added] };
        if (before.effect === "allow") expect(compilePermissions(wider).evaluate(asked).effect).toBe("allow");
      }),
      { numRuns: 3_000 },
    );
  });

  it("never allows more when a branch list is added", () => {
    fc.assert(
      fc.property(
        permissions,
        fc.array(branchPattern, { maxLength: 2 }),
        request,
        (rules, allowedBranches, asked) => {
          fc.pre(!rules.allowAll);
          const narrower = compilePermissions({ ...rules, allowedBranches }).evaluate(asked);
          const open = compilePermissions({ ...rules, allowedBranches: undefined }).evaluate(asked);
          if (narrower.effect === "allow") expect(open.effect).toBe("allow");
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
