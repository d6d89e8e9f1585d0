import { createHmac } from "node:crypto";
import { createRequire } from "node:module";
import { type ForgeEvent, type ForgeEventInput, readForgeEvent } from "@eka-ci/caches/forges";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const examples: readonly { readonly name: string; readonly examples: readonly unknown[] }[] = createRequire(
  import.meta.url,
)("@octokit/webhooks-examples");

const SECRET = "canary-webhook-secret-51d0";
const [A, B, NOTHING] = ["a".repeat(40), "b".repeat(40), "0".repeat(40)];

const hmac = (body: string, secret = SECRET): string =>
  createHmac("sha256", secret).update(body).digest("hex");

type Sender = (event: string, body: string) => Record<string, string>;
const SENDERS: Readonly<Record<ForgeEvent["forge"], Sender>> = {
  github: (event, body) => ({ "X-GitHub-Event": event, "X-Hub-Signature-256": `sha256=${hmac(body)}` }),
  gitea: (event, body) => ({
    ...{ "X-GitHub-Event": event, "X-Gitea-Event": event, "X-Gitea-Signature": hmac(body) },
    "X-Hub-Signature-256": `sha256=${hmac(body)}`,
  }),
  forgejo: (event, body) => ({
    ...{ "X-Gitea-Event": event, "X-Gitea-Signature": hmac(body), "X-GitHub-Event": event },
    ...{ "X-Forgejo-Event": event, "X-Forgejo-Signature": hmac(body) },
  }),
  gitlab: (event) => ({ "X-Gitlab-Event": event, "X-Gitlab-Token": SECRET }),
};

/** What is read of an event that a forge has sent. */
function read(forge: ForgeEvent["forge"], event: string, payload: unknown): Promise<ForgeEvent | undefined> {
  const body = JSON.stringify(payload);
  return readForgeEvent({ headers: SENDERS[forge](event, body), body, secret: SECRET });
}

const INVALID = { name: "ForgeError", code: "ERR_FORGE_EVENT_INVALID" };
const UNSIGNED = { name: "ForgeError", code: "ERR_FORGE_SIGNATURE" };

const repository = { id: 7, full_name: "o/r" };
const fork = { id: 8, full_name: "stranger/r" };
const branch = (name: string) => ({ type: "branch", name });
const tag = (name: string) => ({ type: "tag", name });

describe("events of GitHub", () => {
  const push = (more: object = {}) => ({
    ...{ ref: "refs/heads/main", before: B, after: A, deleted: false, head_commit: { id: A }, repository },
    ...more,
  });
  const pull = (head: object, more: object = {}) => ({
    ...{ action: "synchronize", number: 3, repository },
    pull_request: {
      number: 3,
      head: { ref: "topic", sha: A, label: `somebody:${"ref" in head ? head.ref : "topic"}`, ...head },
      base: { repo: repository },
    },
    ...more,
  });

  it("of its own examples are all read, or concern no ref", async () => {
    let refs = 0;
    for (const { name, examples: list } of examples)
      for (const payload of list) {
        const event = await read("github", name, payload);
        const concerns = ["push", "create", "delete", "pull_request", "merge_group"].includes(name);
        expect(event !== undefined, name).toBe(concerns);
        if (event === undefined) continue;
        refs++;
        expect(event.repository).toMatch(/^[Cc]odertocat\/Hello-World$|^octo-org\/octo-repo$/u);
      }
    expect(refs).toBeGreaterThan(40);
  });

  it.each<[name: string, event: string, payload: unknown, expected: object]>([
    ["a branch", "push", push(), { kind: "push", ref: branch("main"), commit: A, isDeleted: false }],
    ["a branch with a slash", "push", push({ ref: "refs/heads/a/b" }), { ref: branch("a/b") }],
    ["a tag", "push", push({ ref: "refs/tags/v1" }), { ref: tag("v1"), commit: A }],
    [
      "an annotated tag, by the commit it leads to",
      "push",
      push({ ref: "refs/tags/v1", after: B }),
      { ref: tag("v1"), commit: A },
    ],
    [
      "a deleted branch",
      "push",
      push({ after: NOTHING, deleted: true, head_commit: null }),
      { ref: branch("main"), commit: undefined, isDeleted: true },
    ],
    [
      "a made branch",
      "create",
      { ref: "x", ref_type: "branch", master_branch: "main", repository },
      { kind: "create", ref: branch("x"), commit: undefined, isDeleted: false },
    ],
    [
      "a deleted tag",
      "delete",
      { ref: "v1", ref_type: "tag", repository },
      { kind: "delete", ref: tag("v1"), isDeleted: true },
    ],
    [
      "a pull request of its own branch",
      "pull_request",
      pull({ repo: repository }),
      {
        kind: "pull-request",
        action: "synchronize",
        commit: A,
        ref: { type: "pull-request", number: 3, head: { repository: "o/r", branch: "topic" } },
      },
    ],
    [
      "a pull request of a fork",
      "pull_request",
      pull({ repo: fork, ref: "main" }),
      { ref: { type: "pull-request", number: 3, head: { repository: "stranger/r", branch: "main" } } },
    ],
    [
      "a pull request of a fork that is gone",
      "pull_request",
      pull({ repo: null }),
      { ref: { type: "pull-request", number: 3, head: { repository: null, branch: "topic" } } },
    ],
    [
      "a merge queue",
      "merge_group",
      {
        action: "checks_requested",
        repository,
        merge_group: { head_ref: "refs/heads/gh-readonly-queue/main/pr-1-x", head_sha: A },
      },
      { kind: "merge-queue", ref: branch("gh-readonly-queue/main/pr-1-x"), commit: A, isDeleted: false },
    ],
  ])("%s", async (_name, event, payload, expected) => {
    expect(await read("github", event, payload)).toMatchObject({
      forge: "github",
      repository: "o/r",
      ...expected,
    });
  });

  it.each<[name: string, event: string, payload: unknown]>([
    ["a branch whose name git refuses", "push", push({ ref: "refs/heads/a..b" })],
    ["a branch by the name of a ref", "push", push({ ref: "refs/heads/refs/heads/main" })],
    ["a short name where a ref is due", "push", push({ ref: "main" })],
    ["a deletion that has a commit", "push", push({ deleted: true })],
    ["a commit that is none", "push", push({ after: "main" })],
    ["a head that is another commit", "push", push({ head_commit: { id: B } })],
    ["no repository", "push", push({ repository: null })],
    ["a repository without an owner", "push", push({ repository: { full_name: "r" } })],
    ["a body that is a list", "push", []],
    ["a deletion that claims to be a creation", "create", { ref: "x", ref_type: "branch", repository }],
    [
      "a creation that claims to be a deletion",
      "delete",
      { ref: "x", ref_type: "branch", master_branch: "main", repository },
    ],
    ["a push that claims to be a pull request", "pull_request", push()],
    ["a pull request that claims to be a push", "push", pull({ repo: fork })],
    ["a fork by the name of the base", "pull_request", pull({ repo: { id: 8, full_name: "o/r" } })],
    [
      "a fork by the name of the base in other letters",
      "pull_request",
      pull({ repo: { id: 8, full_name: "O/R" } }),
    ],
    ["a fork by the number of the base", "pull_request", pull({ repo: { id: 7, full_name: "stranger/r" } })],
    ["a head without a repository's number", "pull_request", pull({ repo: { full_name: "o/r" } })],
    ["another repository", "pull_request", pull({ repo: fork }, { repository: fork })],
    ["two numbers", "pull_request", pull({ repo: fork }, { number: 4 })],
    // Gitea and Forgejo sign their events for GitHub, too: whoever drops the header that names them must gain
    // nothing.
    ["a head that Gitea means", "pull_request", pull({ repo: repository, label: "topic" })],
    [
      "a head without a branch that Gitea means",
      "pull_request",
      pull({ repo: repository, label: "", ref: "refs/pull/3/head" }),
    ],
    ["a creation of Gitea's as a deletion", "delete", { sha: A, ref: "x", ref_type: "branch", repository }],
  ])("are refused: %s", async (_name, event, payload) => {
    await expect(read("github", event, payload)).rejects.toMatchObject(INVALID);
  });

  it("that concern no ref are nothing", async () => {
    for (const [event, payload] of [
      ["ping", { zen: "x" }],
      ["repository", { action: "renamed", repository }],
      ["create", { ref: null, ref_type: "repository", master_branch: "main", repository }],
      ["push", push({ ref: "refs/notes/commits" })],
      ["something new", {}],
    ] as const)
      expect(await read("github", event, payload), event).toBeUndefined();
  });

  it("name their delivery, if it can be a pushId", async () => {
    const body = JSON.stringify(push());
    const input = (id: string): ForgeEventInput => ({
      headers: { ...SENDERS.github("push", body), "X-GitHub-Delivery": id },
      ...{ body, secret: SECRET },
    });
    expect(await readForgeEvent(input("72d3162e-cc78-11e3-81ab-4c9367dc0958"))).toMatchObject({
      deliveryId: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    });
    expect((await readForgeEvent(input("a/b")))?.deliveryId).toBeUndefined();
  });
});

describe("events of GitLab", () => {
  const project = { id: 7, path_with_namespace: "group/sub/r" };
  const push = (more: object = {}) => ({
    ...{ object_kind: "push", ref: "refs/heads/main", before: B, after: A, checkout_sha: A, project },
    ...more,
  });
  const merge = (more: object = {}) => ({
    object_kind: "merge_request",
    project,
    object_attributes: {
      ...{ iid: 5, action: "open", source_branch: "topic", last_commit: { id: A } },
      ...{ target_project_id: 7, target: project, source_project_id: 7, source: project },
      ...more,
    },
  });

  it.each<[name: string, payload: unknown, expected: object]>([
    ["a branch, of a subgroup", push(), { kind: "push", ref: branch("main"), commit: A }],
    [
      "a deleted branch",
      push({ after: NOTHING, checkout_sha: null }),
      { ref: branch("main"), isDeleted: true, commit: undefined },
    ],
    [
      "an annotated tag, by the commit it leads to",
      push({ object_kind: "tag_push", ref: "refs/tags/v1", after: B }),
      { ref: tag("v1"), commit: A },
    ],
    [
      "a merge request of its own branch",
      merge(),
      {
        kind: "pull-request",
        action: "open",
        ref: { type: "pull-request", number: 5, head: { repository: "group/sub/r", branch: "topic" } },
      },
    ],
    [
      "a merge request of a fork",
      merge({ source_project_id: 8, source: { path_with_namespace: "stranger/r" } }),
      { ref: { type: "pull-request", number: 5, head: { repository: "stranger/r", branch: "topic" } } },
    ],
    [
      "a merge request of a fork that is gone",
      merge({ source_project_id: null, source: null }),
      { ref: { type: "pull-request", number: 5, head: { repository: null, branch: "topic" } } },
    ],
  ])("%s", async (_name, payload, expected) => {
    expect(await read("gitlab", "Some Hook", payload)).toMatchObject({
      forge: "gitlab",
      repository: "group/sub/r",
      ...expected,
    });
  });

  it.each<[name: string, payload: unknown]>([
    ["a tag that claims to be a branch", push({ ref: "refs/tags/v1" })],
    ["a branch that claims to be a tag", push({ object_kind: "tag_push" })],
    ["a push without what is checked out", push({ checkout_sha: null })],
    ["a fork by the path of the target", merge({ source_project_id: 8 })],
    ["a fork by the number of the target", merge({ source: { path_with_namespace: "stranger/r" } })],
    ["no kind", { project }],
  ])("are refused: %s", async (_name, payload) => {
    await expect(read("gitlab", "Some Hook", payload)).rejects.toMatchObject(INVALID);
  });

  it("are read from the whole system, too, and are nothing where they concern no ref", async () => {
    expect(await read("gitlab", "System Hook", merge())).toMatchObject({ kind: "pull-request" });
    for (const payload of [{ object_kind: "pipeline" }, { event_name: "project_rename" }])
      expect(await read("gitlab", "System Hook", payload)).toBeUndefined();
  });

  it("name their delivery by what stays the same when it is sent again", async () => {
    const body = JSON.stringify(push());
    const headers = {
      ...SENDERS.gitlab("x", body),
      "X-Gitlab-Event-UUID": "new-each-time",
      "Idempotency-Key": "same",
    };
    expect(await readForgeEvent({ headers, body, secret: SECRET })).toMatchObject({
      ...{ deliveryId: "same", signedAt: undefined },
    });
  });

  it("signed with a signing token are verified over id, time and body", async () => {
    const key = Buffer.from("a key of thirty-two bytes or so, x");
    const secret = `whsec_${key.toString("base64")}`;
    const body = JSON.stringify(push());
    const code = createHmac("sha256", key).update(`msg-1.1700000000.${body}`).digest("base64");
    const headers = {
      ...{ "X-Gitlab-Event": "Push Hook", "webhook-id": "msg-1", "webhook-timestamp": "1700000000" },
      "webhook-signature": `v1,AAAA v1,${code}`,
    };
    expect(await readForgeEvent({ headers, body, secret })).toMatchObject({
      ...{ commit: A, deliveryId: "msg-1", signedAt: 1_700_000_000_000 },
    });
    for (const changed of [
      { "webhook-id": "msg-2" },
      { "webhook-timestamp": "1700000001" },
      { "webhook-signature": `v1a,${code}` },
    ])
      await expect(
        readForgeEvent({ headers: { ...headers, ...changed }, body, secret }),
      ).rejects.toMatchObject(UNSIGNED);
    // The token itself is no proof: it is never sent.
    const asToken = { "X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": secret };
    await expect(readForgeEvent({ headers: asToken, body, secret })).rejects.toMatchObject(UNSIGNED);
  });
});

describe.each(["gitea", "forgejo"] as const)("events of %s", (forge) => {
  const push = (more: object = {}) => ({
    ...{ ref: "refs/heads/main", before: B, after: A, head_commit: { id: A }, repository },
    ...more,
  });
  const pull = (head: object) => ({
    ...{ action: "opened", number: 3, repository },
    pull_request: {
      number: 3,
      head: { ref: "topic", label: "topic", sha: A, repo_id: 7, repo: repository, ...head },
      base: { repo: repository },
    },
  });
  const headOf = (head: { readonly repository: string | null; readonly branch: string }) => ({
    ref: { type: "pull-request", number: 3, head },
  });

  it.each<[name: string, event: string, payload: unknown, expected: object]>([
    ["a branch", "push", push(), { kind: "push", ref: branch("main"), commit: A, isDeleted: false }],
    ["a tag, by its commit", "push", push({ ref: "refs/tags/v1", after: B }), { ref: tag("v1"), commit: A }],
    [
      "a tag of which the commit is not said",
      "push",
      push({ ref: "refs/tags/v1", head_commit: null }),
      { ref: tag("v1"), commit: undefined },
    ],
    ["a deleted branch", "push", push({ after: NOTHING, head_commit: null }), { isDeleted: true }],
    [
      "a made branch",
      "create",
      { sha: A, ref: "x", ref_type: "branch", repository },
      { kind: "create", ref: branch("x"), commit: A },
    ],
    [
      "a deleted tag",
      "delete",
      { ref: "v1", ref_type: "tag", repository },
      { kind: "delete", isDeleted: true },
    ],
    [
      "a pull request of its own branch",
      "pull_request",
      pull({}),
      { kind: "pull-request", ...headOf({ repository: "o/r", branch: "topic" }) },
    ],
    [
      "a pull request of a fork, synchronised",
      "pull_request_sync",
      pull({ repo: fork, repo_id: 8 }),
      headOf({ repository: "stranger/r", branch: "topic" }),
    ],
    [
      "a pull request of a fork that is gone",
      "pull_request",
      pull({ repo: null, repo_id: -1, ref: "refs/pull/3/head" }),
      headOf({ repository: null, branch: "refs/pull/3/head" }),
    ],
    [
      // Whoever may read may open one, and it names the repository itself as its head's.
      "a pull request without a branch, as a fork's",
      "pull_request",
      pull({ label: "", ref: "refs/pull/3/head" }),
      headOf({ repository: null, branch: "refs/pull/3/head" }),
    ],
    [
      "a pull request whose label is another branch, as a fork's",
      "pull_request",
      pull({ label: "", ref: "main" }),
      headOf({ repository: null, branch: "main" }),
    ],
  ])("%s", async (_name, event, payload, expected) => {
    expect(await read(forge, event, payload)).toMatchObject({ forge, repository: "o/r", ...expected });
  });

  it.each<[name: string, event: string, payload: unknown]>([
    ["a head that is another commit", "push", push({ head_commit: { id: B } })],
    ["a deletion that claims to be a creation", "create", { ref: "x", ref_type: "branch", repository }],
    [
      "a creation of GitHub's as a deletion",
      "delete",
      { ref: "x", ref_type: "branch", master_branch: "main", repository },
    ],
    ["a type that is none", "create", { sha: A, ref: "x", ref_type: "note", repository }],
    [
      "a fork by the name of the base",
      "pull_request",
      pull({ repo: { id: 8, full_name: "o/r" }, repo_id: 8 }),
    ],
    ["a head of two repositories", "pull_request", pull({ repo: fork })],
  ])("are refused: %s", async (_name, event, payload) => {
    await expect(read(forge, event, payload)).rejects.toMatchObject(INVALID);
  });
});

describe("what proves an event", () => {
  const body = JSON.stringify({ object_kind: "push", ref: "refs/heads/main" });
  const forges = Object.keys(SENDERS) as ForgeEvent["forge"][];

  it("is the signature of the forge that the event names, whatever else is sent along", async () => {
    const signed = SENDERS.forgejo("ping", body);
    for (const headers of [
      { ...signed, "X-Forgejo-Signature": hmac("other") },
      { "X-Forgejo-Event": "ping", "X-Gitea-Signature": hmac(body) },
      { "X-Gitea-Event": "ping", "X-Hub-Signature-256": `sha256=${hmac(body)}` },
      { "X-GitHub-Event": "ping", "X-Hub-Signature": `sha1=${hmac(body)}` },
      { "X-GitHub-Event": "ping", "X-Hub-Signature-256": hmac(body) },
      { "X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": `${SECRET}x` },
      { "X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": "" },
      { "X-Hub-Signature-256": `sha256=${hmac(body)}` },
      {},
    ] as Record<string, string>[])
      await expect(
        readForgeEvent({ headers, body, secret: SECRET }),
        JSON.stringify(headers),
      ).rejects.toMatchObject(UNSIGNED);
  });

  it("comes in headers of any case, in a Headers or a plain object, once", async () => {
    const payload = '{"zen":"x"}';
    const headers = SENDERS.github("ping", payload);
    const lower = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const bytes = new TextEncoder().encode(payload);
    for (const given of [headers, lower, new Headers(headers), { ...lower, "x-github-event": ["ping"] }])
      expect(await readForgeEvent({ headers: given, body: bytes, secret: SECRET })).toBeUndefined();
    for (const given of [
      { ...lower, "x-hub-signature-256": [headers["X-Hub-Signature-256"] ?? "", "x"] },
      { ...lower, "X-Hub-Signature-256": "sha256=0" },
    ])
      await expect(readForgeEvent({ headers: given, body: bytes, secret: SECRET })).rejects.toMatchObject(
        UNSIGNED,
      );
  });

  it("is that of the expected forge, where the host names one", async () => {
    const payload = '{"zen":"x"}';
    const headers = SENDERS.forgejo("ping", payload);
    const input = { headers, body: payload, secret: SECRET };
    expect(await readForgeEvent({ ...input, forge: "forgejo" })).toBeUndefined();
    for (const forge of ["gitea", "github", "gitlab"] as const)
      await expect(readForgeEvent({ ...input, forge })).rejects.toMatchObject(UNSIGNED);
  });

  it("cannot be found for a body that was parsed before", async () => {
    for (const parsed of [{}, undefined, new ArrayBuffer(2)])
      await expect(
        readForgeEvent({
          headers: SENDERS.github("x", ""),
          body: parsed as unknown as string,
          secret: SECRET,
        }),
      ).rejects.toMatchObject(UNSIGNED);
  });

  it("holds for a body of many megabytes, which is read or refused", async () => {
    const payload = JSON.stringify({ zen: "x".repeat(20_000_000), odd: '\\"'.repeat(200_000) });
    const input = { headers: SENDERS.github("ping", payload), body: payload, secret: SECRET };
    expect(await readForgeEvent(input)).toBeUndefined();
    const doubled = `{"a":"${"x".repeat(20_000_000)}","a":1}`;
    await expect(
      readForgeEvent({ headers: SENDERS.github("ping", doubled), body: doubled, secret: SECRET }),
    ).rejects.toMatchObject(INVALID);
  });

  it("is nothing without a secret", async () => {
    for (const forge of forges)
      for (const secret of ["", undefined as unknown as string]) {
        const headers = {
          ...SENDERS[forge]("ping", body),
          "X-Hub-Signature-256": `sha256=${hmac(body, "")}`,
          ...(forge === "gitlab" ? { "X-Gitlab-Token": "" } : {}),
        };
        await expect(readForgeEvent({ headers, body, secret })).rejects.toMatchObject(UNSIGNED);
      }
  });

  it("covers the bytes as they came, and what is signed is JSON with each member once", async () => {
    const sign = (bytes: Uint8Array) => ({
      "X-GitHub-Event": "push",
      "X-Hub-Signature-256": `sha256=${createHmac("sha256", SECRET).update(bytes).digest("hex")}`,
    });
    for (const bytes of [
      Uint8Array.of(0x7b, 0xff, 0x7d),
      new TextEncoder().encode('{"ref":"refs/heads/a","ref":"refs/heads/b"}'),
      new TextEncoder().encode("payload=%7B%7D"),
    ])
      await expect(
        readForgeEvent({ headers: sign(bytes), body: bytes, secret: SECRET }),
      ).rejects.toMatchObject(INVALID);
  });

  it("is the secret: no body without the right signature ever gives an event, and no error shows the secret", async () => {
    const header = fc.constantFrom(
      ...["x-github-event", "x-gitea-event", "x-forgejo-event", "x-gitlab-event", "x-hub-signature-256"],
      ...["x-gitea-signature", "x-forgejo-signature", "x-gitlab-token", "webhook-signature", "webhook-id"],
    );
    const value = fc.oneof(
      fc.constantFrom("push", "pull_request", "Push Hook", "v1,", `sha256=${hmac("", "a guess")}`, "sha256="),
      fc.string({ maxLength: 80 }),
      fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 64, maxLength: 64 }),
    );
    const text = fc.oneof(
      fc.json(),
      fc.string(),
      fc.constant(JSON.stringify({ ref: "refs/heads/main", after: A, deleted: false, repository })),
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(header, value), text, async (headers, unsigned) => {
        const error: unknown = await readForgeEvent({ headers, body: unsigned, secret: SECRET }).then(
          (event) => ({ event }),
          (thrown) => thrown,
        );
        expect(error).toMatchObject(UNSIGNED);
        expect(String(error)).not.toContain(SECRET);
      }),
      { numRuns: 2_000 },
    );
  });

  it("lets nothing through but events and refusals, whatever a signed body says", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...forges),
        fc.constantFrom("push", "create", "delete", "pull_request", "merge_group", "x"),
        fc.jsonValue(),
        async (forge, event, payload) => {
          const outcome: unknown = await read(forge, event, payload).catch((thrown: unknown) => thrown);
          if (outcome !== undefined) expect(outcome).toMatchObject(INVALID);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
