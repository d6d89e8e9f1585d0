import { CacheRegistry } from "@eka-ci/caches";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BinaryCacheServer } from "../../examples/support/binary-cache-server.ts";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { checkConsistency } from "../support/check-consistency.ts";
import { describeWith } from "../support/requirement.ts";
import { startVersitygw, VERSITY_KEYS } from "./servers/versitygw.ts";

describeWith("nix", "promotion in S3", () => {
  let store: PrivateNixStore;
  let path: string;
  let pub: string;
  let secret: string;
  beforeAll(async () => {
    store = await PrivateNixStore.create();
    path = await store.add("promoted.bin", Buffer.alloc(3_000_000, "some text of it"));
    ({ secret, pub } = await store.generateKey("ci-1"));
  }, 60_000);
  afterAll(() => store[Symbol.asyncDispose]());

  describeWith("versitygw", "at versitygw", () => {
    describe.each(["", "?compression=none"])("with parameters %j", (parameters) => {
      it("goes from a bucket to a server and back to another prefix", async () => {
        await using gateway = await startVersitygw();
        await using server = await BinaryCacheServer.start();
        const s3 = (prefix: string, more: string): string =>
          `s3://bucket/${prefix}?endpoint=${gateway.url}&region=us-east-1${more}`;
        const keys = 'credentials = { env = { vars = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] } }';
        const from = (id: string): string =>
          `promote_from = [{ cache = "${id}", require_signature = "${pub}" }]`;
        await using registry = CacheRegistry.fromToml(
          `[security]
           allow_private_cache_hosts = true
           [[caches]]
           id = "bucket"
           cache_type = "nix-copy"
           destination = "${s3("one", parameters.replace("?", "&"))}"
           ${keys}
           permissions = { allow_all = true }
           signing_key = { env = { vars = ["CI_KEY"] } }
           [[caches]]
           id = "server"
           cache_type = "nix-copy"
           destination = "${server.url}"
           credentials = "none"
           permissions = { allow_all = true }
           ${from("bucket")}
           [[caches]]
           id = "other-prefix"
           cache_type = "nix-copy"
           destination = "${s3("two", "")}"
           ${keys}
           permissions = { allow_all = true }
           ${from("server")}`,
          { runtime: { env: { ...store.env, ...VERSITY_KEYS, CI_KEY: secret } } },
        );
        const about = { repository: "o/r", job: "j", storePaths: [path] };
        const pushed = { ok: true, results: [{ status: "pushed", confirmedPaths: [path] }] };
        expect(await registry.push({ ...about, caches: ["bucket"] })).toMatchObject(pushed);
        expect(await registry.promote({ ...about, from: "bucket", to: "server" })).toMatchObject(pushed);
        checkConsistency(server.objects);
        expect(server.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
        expect(await registry.promote({ ...about, from: "server", to: "other-prefix" })).toMatchObject(
          pushed,
        );
      }, 60_000);
    });
  });
});
