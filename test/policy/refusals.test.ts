import {
  type AccessRequest,
  CacheRegistry,
  compilePermissions,
  explainDecision,
  parseGitRef,
} from "@eka-ci/caches";
import { describe, expect, it } from "vitest";

const policy = compilePermissions({ allowAll: true }, { cacheId: "c" });
const evaluate = (request: unknown) => policy.evaluate(request as AccessRequest);
const onRef = (ref: unknown) => ({ repository: "o/r", ref });
const onBranch = (name: unknown) => onRef({ type: "branch", name });
const head = { repository: "o/r", branch: "main" };

describe("a request that cannot be read names what is wrong with it", () => {
  it.each<[request: unknown, culprit: RegExp]>([
    [undefined, /not an object/u],
    [null, /not an object/u],
    ["o/r", /not an object/u],
    [{}, /^Repository has no name/u],
    [{ repository: "lonely" }, /^Repository lonely is not a full name/u],
    [onRef(5), /neither a branch, a tag nor a pull request/u],
    [onRef(null), /neither a branch, a tag nor a pull request/u],
    [onRef({}), /neither a branch, a tag nor a pull request/u],
    [onRef({ type: "commit", name: "main", number: 1, head }), /neither a branch, a tag nor a pull request/u],
    [onBranch(undefined), /branch has no name/u],
    [onBranch(["main"]), /branch has no name/u],
    [onBranch("refs/heads/main"), /Branch refs\/heads\/main must be given without/u],
    [onBranch("a b"), /Branch a b is not a name that git accepts/u],
    [onRef({ type: "tag" }), /tag has no name/u],
    [onRef({ type: "tag", name: "v 1" }), /Tag v 1 is not a name that git accepts/u],
    [onRef({ type: "pull-request", head }), /number of a pull request/u],
    [onRef({ type: "pull-request", number: "1", head }), /number of a pull request/u],
    [onRef({ type: "pull-request", number: 0, head }), /number of a pull request/u],
    [onRef({ type: "pull-request", number: 1.5, head }), /number of a pull request/u],
    [onRef({ type: "pull-request", number: 1 }), /has no head/u],
    [onRef({ type: "pull-request", number: 1, head: { branch: "x" } }), /^Head repository has no name/u],
    [
      onRef({ type: "pull-request", number: 1, head: { repository: "x", branch: "x" } }),
      /^Head repository x is not/u,
    ],
    [onRef({ type: "pull-request", number: 1, head: { repository: "o/r" } }), /branch has no name/u],
  ])("%j", (request, culprit) => {
    expect(evaluate(request)).toMatchObject({ effect: "deny", cacheId: "c", reason: "invalid-request" });
    expect(evaluate(request)).toHaveProperty("message", expect.stringMatching(culprit));
  });

  it("even where it cannot be asked at all", () => {
    const request = Object.defineProperty({}, "repository", {
      get: () => {
        throw new Error("no");
      },
    });
    expect(evaluate(request)).toMatchObject({
      reason: "invalid-request",
      message: "The request cannot be read",
    });
  });

  it("takes nothing for its own that it inherits", () => {
    const inherited = { repository: "o/r", ref: { type: "branch", name: "main" } };
    expect(evaluate(Object.create(inherited))).toMatchObject({ reason: "invalid-request" });
    const listed = compilePermissions({ allowAll: false, allowedRepos: ["o/*"], allowedBranches: ["main"] });
    const own = Object.assign(Object.create(inherited), { repository: "o/r" });
    expect(listed.evaluate(own)).toMatchObject({ reason: "invalid-request" });
    const ref = Object.assign(Object.create({ name: "main" }), { type: "branch" });
    expect(listed.evaluate({ repository: "o/r", ref })).toMatchObject({ reason: "invalid-request" });
    const bare = Object.assign(Object.create({ type: "branch" }), { name: "main" });
    expect(listed.evaluate({ repository: "o/r", ref: bare })).toMatchObject({ reason: "invalid-request" });
  });

  it.each(["repository", "ref", "type", "name"])(
    "nor anything of a polluted Object.prototype: %s",
    (field) => {
      const listed = compilePermissions({
        allowAll: false,
        allowedRepos: ["o/*"],
        allowedBranches: ["main"],
      });
      const ref = { type: "branch", name: "main" } as const;
      const whole = { repository: "o/r", ref };
      const pollution = { repository: "o/r", ref, type: "branch", name: "main" }[field];
      const { [field]: _own, ...request } = { ...whole } as Record<string, unknown>;
      const { [field]: _name, ...rest } = { ...ref } as Record<string, unknown>;
      if (field === "type" || field === "name") request["ref"] = rest;
      Object.defineProperty(Object.prototype, field, {
        value: pollution,
        configurable: true,
        writable: true,
      });
      try {
        expect(listed.evaluate(request as unknown as AccessRequest).effect).toBe("deny");
        expect(listed.evaluate(whole).effect).toBe("allow");
      } finally {
        Reflect.deleteProperty(Object.prototype, field);
      }
    },
  );

  it("passes over no ref that is not the request's own", () => {
    class Build {
      readonly repository = "o/r";
      get ref() {
        return {
          type: "pull-request",
          number: 7,
          head: { repository: "stranger/r", branch: "main" },
        } as const;
      }
    }
    const listed = compilePermissions({ allowAll: false, allowedRepos: ["o/*"] });
    expect(listed.evaluate(new Build())).toMatchObject({ effect: "deny", reason: "invalid-request" });
  });

  it.each(["allowAll", "allowForks", "allowedRepos"])(
    "lets nobody in by what permissions inherit: %s",
    (field) => {
      const permissions =
        field === "allowedRepos" ? { allowAll: false } : { allowAll: false, allowedRepos: ["o/*"] };
      const { [field]: _own, ...rest } = permissions as Record<string, unknown>;
      const value = field === "allowedRepos" ? ["*/*"] : true;
      Object.defineProperty(Object.prototype, field, { value, configurable: true, writable: true });
      try {
        const compiled = compilePermissions(rest as unknown as Parameters<typeof compilePermissions>[0]);
        const fork = {
          type: "pull-request",
          number: 7,
          head: { repository: "stranger/r", branch: "main" },
        } as const;
        expect(compiled.evaluate({ repository: "o/r", ref: fork }).effect).toBe("deny");
      } finally {
        Reflect.deleteProperty(Object.prototype, field);
      }
    },
  );

  it("takes requests and refs of classes and without prototypes", () => {
    const request = Object.assign(Object.create(null), onBranch("main"));
    class Ref {
      readonly type = "branch";
      readonly name = "main";
    }
    expect(evaluate(request)).toMatchObject({ effect: "allow" });
    expect(evaluate(onRef(new Ref()))).toMatchObject({ effect: "allow" });
  });

  it("takes the first pull request", () => {
    expect(evaluate(onRef({ type: "pull-request", number: 1, head }))).toMatchObject({ effect: "allow" });
  });
});

const LONGEST = "x".repeat(255);

describe("a name is accepted or refused by its rules alone", () => {
  it.each<[name: string, isAccepted: boolean]>([
    [LONGEST, true],
    [`${LONGEST}x`, false],
    ["a/b", true],
    ["a./b", true],
    ["a-b", true],
    ["HEAD", false],
    ["", false],
    ["-a", false],
    ["a.", false],
    [".a", false],
    ["a/.b", false],
    ["a.lock", false],
    ["a.lock/b", false],
    ["a//b", false],
    ["/a", false],
    ["a/", false],
    ["a..b", false],
    ["a@{b", false],
    ["a\u007fb", false],
    ["\ud800", false],
  ])("as a branch: %j", (name, isAccepted) => {
    expect(evaluate(onBranch(name)).effect === "allow").toBe(isAccepted);
  });

  it.each<[name: string, isAccepted: boolean]>([
    [`o/${"x".repeat(253)}`, true],
    [`o/${"x".repeat(254)}`, false],
    ["group/subgroup/name", true],
    ["o/.github", true],
    ["o/a..", true],
    ["o/r.git", false],
    ["o/.", false],
    ["o/..", false],
    ["o/", false],
    ["/r", false],
    ["!o/r", false],
    ["o/r!", false],
  ])("as a repository: %j", (repository, isAccepted) => {
    expect(evaluate({ repository }).effect === "allow").toBe(isAccepted);
  });
});

describe("a pattern that is none names what is wrong with it", () => {
  const compile = (key: "allowedRepos" | "allowedBranches", pattern: string) => () =>
    compilePermissions({ allowAll: false, allowedRepos: ["o/r"], [key]: [pattern] });

  it.each<[key: "allowedRepos" | "allowedBranches", pattern: string, culprit: RegExp]>([
    ["allowedBranches", "", /branch pattern .*empty/u],
    ["allowedBranches", `${LONGEST}x`, /at most 255 characters/u],
    ["allowedBranches", "a?b", /letters, digits/u],
    ["allowedBranches", "a**b", /\*\* is not supported/u],
    ["allowedBranches", "a*b*c*d", /at most 2 wildcards/u],
    ["allowedBranches", "refs/heads/*", /without refs\/heads/u],
    ["allowedBranches", "a/../b", /no branch that git accepts/u],
    ["allowedRepos", "lonely", /repository pattern lonely: .*owner\/name/u],
    ["allowedRepos", "*", /owner\/name/u],
    ["allowedRepos", "o/@", /no repository name/u],
  ])("%s = [%j]", (key, pattern, culprit) => {
    expect(compile(key, pattern)).toThrow(expect.objectContaining({ code: "ERR_PATTERN_INVALID" }));
    expect(compile(key, pattern)).toThrow(culprit);
  });

  it("takes a plus for what it is", () => {
    const policy = compilePermissions({
      allowAll: false,
      allowedRepos: ["o/r"],
      allowedBranches: ["c++*", "a*+"],
    });
    const decide = (name: string) =>
      policy.evaluate({ repository: "o/r", ref: { type: "branch", name } }).effect;
    expect(["c++", "c++/x", "ab+"].map(decide)).toEqual(["allow", "allow", "allow"]);
    expect(["c", "cc", "c+", "ab", "abb"].map(decide)).toEqual(["deny", "deny", "deny", "deny", "deny"]);
  });

  it("takes the longest one", () => {
    expect(compile("allowedBranches", LONGEST)).not.toThrow();
  });
});

describe("a decision explains itself", () => {
  const lists = { allowAll: false, allowedRepos: ["o/*"] };
  const request = { repository: "o/r" };
  const rule = { list: "allowed_repos", pattern: "o/*", index: 0 };

  it("by the rules that matched, where there are any", () => {
    const open = evaluate(request);
    expect(open).toEqual({ effect: "allow", cacheId: "c", reason: "allow-all", matched: [] });
    expect(explainDecision(open)).toBe("Allowed for cache 'c' (allow-all)");
    const listed = compilePermissions(lists, { cacheId: "c" }).evaluate(request);
    expect(listed).toEqual({ effect: "allow", cacheId: "c", reason: "repository-matched", matched: [rule] });
    expect(explainDecision(listed)).toBe(
      `Allowed for cache 'c' (repository-matched): allowed_repos[0] = "o/*"`,
    );
  });

  it.each<[permissions: Parameters<typeof compilePermissions>[0], ref: unknown, culprit: RegExp]>([
    [{ allowAll: false }, undefined, /No repository is allowed/u],
    [{ ...lists, allowedBranches: ["main"] }, undefined, /the request has none/u],
    [{ ...lists, allowedBranches: ["main"] }, { type: "tag", name: "v1" }, /Tag v1 is not a branch/u],
    [
      lists,
      { type: "pull-request", number: 7, head: { repository: "fork/r", branch: "main" } },
      /Pull request 7 comes from fork\/r/u,
    ],
  ])("by what is missing: %j at %j", (permissions, ref, culprit) => {
    const decision = compilePermissions(permissions).evaluate({ ...request, ref } as AccessRequest);
    expect(decision).toHaveProperty("message", expect.stringMatching(culprit));
  });

  it.each([
    [["a/b", "Company/*"], "company/app", "Company/*"],
    [["a/b", "company/*"], "Company/app", "company/*"],
    [["a/b", "company/app"], "COMPANY/APP", "company/app"],
    [["a/b", "company/*"], "companies/app", undefined],
    [["A/b", "company/*"], "companies/app", undefined],
  ])("by a pattern that it differs from by letter case: %j, %s", (allowedRepos, repository, near) => {
    const decision = compilePermissions({ allowAll: false, allowedRepos }).evaluate({ repository });
    const hint = near === undefined ? "" : `; it differs only by case from the allowed ${near}`;
    expect(decision).toHaveProperty("message", `Repository ${repository} is not allowed${hint}`);
  });

  it("and names a cache that there is not", () => {
    expect(CacheRegistry.fromToml("").authorize("nope", request)).toMatchObject({
      reason: "unknown-cache",
      message: "Cache ID 'nope' not found in server registry",
    });
  });

  it("and a ref that is none says how to give it", () => {
    expect(() => parseGitRef("main")).toThrow(/main is neither refs\/heads/u);
  });
});
