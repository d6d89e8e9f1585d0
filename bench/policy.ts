// How many decisions a second policy makes: `npm run bench:policy`. 100 caches of 3 repository and 2 branch
// patterns each, asked for 3,000 requests. Before anything is measured, all contestants must agree. Exits
// with 1 if a goal is missed: at least 0.8 of a hand-written loop, and at least 500 times cedar and casbin.
import { createRequire } from "node:module";
import type * as cedarTypes from "@cedar-policy/cedar-wasm/nodejs";
import { type CachePermissions, compilePermissions } from "@eka-ci/caches";
import { newEnforcer, newModelFromString } from "casbin";
import picomatch from "picomatch";
import { race } from "./support/race.ts";
import { nameVersion, Scoreboard } from "./support/scoreboard.ts";

const require = createRequire(import.meta.url);
const cedar: typeof cedarTypes = require("@cedar-policy/cedar-wasm/nodejs");

interface Question {
  readonly repository: string;
  readonly ref: { readonly type: "branch"; readonly name: string };
}

/** Whether cache number `cache` admits a question. */
type Decide = (cache: number, question: Question) => boolean;

/** What a hand-written loop would say, to be of the same use as a decision. */
interface HandMade {
  readonly effect: "allow" | "deny";
  readonly cacheId: number;
  readonly reason: string;
  readonly message?: string;
  readonly matched?: readonly { readonly list: string; readonly pattern: string; readonly index: number }[];
}

const CACHES = Array.from({ length: 100 }, (_cache, index) => ({
  repositories: [`team-${index}/*`, `shared-${index % 10}/*`, `company/app-${index}`],
  branches: ["main", "release/*"],
}));

const QUESTIONS: readonly Question[] = Array.from({ length: 3_000 }, (_question, index) => ({
  repository:
    [`team-${index % 120}/service`, `shared-${index % 13}/lib`, `company/app-${index}`][index % 3] ?? "",
  ref: { type: "branch", name: ["main", "release/v1", "develop", `feature/${index}`][index % 4] ?? "" },
}));

/**
 * The limit: what one would write by hand for exactly these patterns, with a reason and the rules that
 * matched, for those who trust every name and every request.
 */
function byHand(): Decide {
  const compile = (list: string, patterns: readonly string[]) =>
    patterns.map((pattern, index) => ({
      text: pattern.endsWith("*") ? pattern.slice(0, -1) : pattern,
      isPrefix: pattern.endsWith("*"),
      rule: { list, pattern, index },
    }));
  const caches = CACHES.map(({ repositories, branches }, cacheId) => ({
    cacheId,
    repositories: compile("allowed_repos", repositories),
    branches: compile("allowed_branches", branches),
  }));
  const decide = (cache: number, { repository, ref }: Question): HandMade => {
    const { cacheId, repositories, branches } = caches[cache] ?? {
      cacheId: 0,
      repositories: [],
      branches: [],
    };
    for (const { text, isPrefix, rule } of repositories) {
      const isAllowed = isPrefix
        ? repository.startsWith(text) && !repository.includes("/", text.length)
        : repository === text;
      if (!isAllowed) continue;
      for (const branch of branches) {
        if (branch.isPrefix ? ref.name.startsWith(branch.text) : ref.name === branch.text)
          return {
            effect: "allow",
            cacheId,
            reason: "repository-and-branch-matched",
            matched: [rule, branch.rule],
          };
      }
      return {
        effect: "deny",
        cacheId,
        reason: "branch-not-allowed",
        message: `Branch ${ref.name} is not allowed`,
      };
    }
    const message = `Repository ${repository} is not allowed`;
    return { effect: "deny", cacheId, reason: "repository-not-allowed", message };
  };
  return (cache, question) => decide(cache, question).effect === "allow";
}

function byThisPackage(): Decide {
  const policies = CACHES.map(({ repositories, branches }) => {
    const permissions: CachePermissions = {
      allowAll: false,
      allowedRepos: repositories,
      allowedBranches: branches,
    };
    return compilePermissions(permissions);
  });
  return (cache, question) => policies[cache]?.evaluate(question).effect === "allow";
}

/** As one would without thinking: patterns are compiled at every question. */
function byPicomatch(): Decide {
  return (cache, { repository, ref }) => {
    const rule = CACHES[cache];
    return (
      rule !== undefined &&
      picomatch.isMatch(repository, rule.repositories) &&
      picomatch.isMatch(ref.name, rule.branches)
    );
  };
}

/** Parsed once: one policy for each cache, in one set. */
function byCedar(): Decide {
  const anyOf = (field: string, patterns: readonly string[]) =>
    patterns.map((pattern) => `context.${field} like "${pattern}"`).join(" || ");
  const policies = CACHES.map(({ repositories, branches }, index) => {
    const condition = `(${anyOf("repository", repositories)}) && (${anyOf("branch", branches)})`;
    return `permit(principal, action, resource == Cache::"${index}") when { ${condition} };`;
  });
  const parsed = cedar.preparsePolicySet("caches", { staticPolicies: policies.join("\n") });
  if (parsed.type !== "success") throw new Error("cedar does not parse its policies");
  return (cache, { repository, ref }) => {
    const answer = cedar.statefulIsAuthorized({
      principal: { type: "Ci", id: "server" },
      action: { type: "Action", id: "push" },
      resource: { type: "Cache", id: String(cache) },
      context: { repository, branch: ref.name },
      preparsedPolicySetId: "caches",
      entities: [],
    });
    return answer.type === "success" && answer.response.decision === "allow";
  };
}

/** One enforcer, with a rule for each cache, repository and branch. */
async function byCasbin(): Promise<Decide> {
  const model = `
    [request_definition]
    r = cache, repository, branch
    [policy_definition]
    p = cache, repository, branch
    [policy_effect]
    e = some(where (p.eft == allow))
    [matchers]
    m = r.cache == p.cache && keyMatch(r.repository, p.repository) && keyMatch(r.branch, p.branch)`;
  const enforcer = await newEnforcer(newModelFromString(model));
  for (const [index, { repositories, branches }] of CACHES.entries())
    for (const repository of repositories)
      for (const branch of branches) await enforcer.addPolicy(String(index), repository, branch);
  return (cache, { repository, ref }) => enforcer.enforceSync(String(cache), repository, ref.name);
}

// Every contestant is asked for all caches; the slow ones for fewer requests, so that a round takes
// milliseconds of each.
const contestants = {
  "hand-written loop": { decide: byHand(), questions: 3_000 },
  "this package": { decide: byThisPackage(), questions: 3_000 },
  "picomatch.isMatch": { decide: byPicomatch(), questions: 60 },
  "cedar-wasm, preparsed": { decide: byCedar(), questions: 4 },
  casbin: { decide: await byCasbin(), questions: 2 },
};
type Name = keyof typeof contestants;
const names = Object.keys(contestants) as Name[];

let allowed = 0;
function run({ decide, questions }: (typeof contestants)[Name]): void {
  for (const question of QUESTIONS.slice(0, questions))
    for (let cache = 0; cache < CACHES.length; cache++) if (decide(cache, question)) allowed++;
}

const reference = contestants["hand-written loop"].decide;
for (const name of names) {
  for (const question of QUESTIONS.slice(0, 40)) {
    for (let cache = 0; cache < CACHES.length; cache++) {
      if (contestants[name].decide(cache, question) === reference(cache, question)) continue;
      throw new Error(`${name} decides otherwise on cache ${cache} and ${JSON.stringify(question)}`);
    }
  }
}

const times = await race(
  Object.fromEntries(names.map((name) => [name, () => run(contestants[name])])) as Record<Name, () => void>,
  61,
);
const rateOf = (name: Name): number => (contestants[name].questions * CACHES.length * 1_000) / times[name];
const board = new Scoreboard(...["@cedar-policy/cedar-wasm", "casbin", "picomatch"].map(nameVersion));
const ours = rateOf("this package");
for (const name of names) board.add({ what: name, value: rateOf(name), unit: "decisions/s" });
board.addAtLeast("this package / hand-written loop", ours / rateOf("hand-written loop"), 0.8);
board.addAtLeast("this package / cedar-wasm", ours / rateOf("cedar-wasm, preparsed"), 500);
board.addAtLeast("this package / casbin", ours / rateOf("casbin"), 500);
board.add({
  what: "this package / picomatch.isMatch",
  value: ours / rateOf("picomatch.isMatch"),
  unit: "times",
});
board.finish();
if (allowed === 0) throw new Error("Nothing was allowed, so nothing was measured");
