import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { CacheRegistry, type PushResult } from "@eka-ci/caches";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { classifyFailure } from "../../src/delivery/classify-failure.ts";
import { describeEachNix, describeWith } from "../support/requirement.ts";
import { type ExchangeFault, type PassingRequest, startFaultProxy } from "./servers/fault-proxy.ts";
import { type NginxOptions, startNginx } from "./servers/nginx.ts";

const isNar = ({ method, path }: PassingRequest): boolean => method === "PUT" && path.startsWith("/nar/");
const isNarinfo = ({ method, path }: PassingRequest): boolean =>
  method === "PUT" && path.endsWith(".narinfo");

describeWith("nginx", "nginx as a cache", () => {
  describeEachNix("of an HTTP push", (searchPath) =>
    describe.each(["direct", "nix"])("by upload = %s", (upload) => {
      let store: PrivateNixStore;
      let number = 0;
      beforeAll(async () => {
        store = await PrivateNixStore.create(searchPath);
      });
      afterAll(() => store[Symbol.asyncDispose]());

      const push = async (
        url: string,
        storePaths: readonly string[],
        { credentials = '"none"', env = {}, timeoutMs = 60_000 } = {},
      ): Promise<PushResult | undefined> => {
        await using registry = CacheRegistry.fromToml(
          `[security]
         allow_private_cache_hosts = true
         [[caches]]
         id = "nginx"
         cache_type = "nix-copy"
         destination = "${url}"
         upload = "${upload}"
         credentials = ${credentials}
         permissions = { allow_all = true }`,
          { runtime: { env: { ...store.env, ...env } } },
        );
        const request = { repository: "o/r", job: "j", caches: ["nginx"], storePaths };
        return (await registry.push(request, { timeoutMs })).results[0];
      };
      const add = (count = 1): Promise<readonly string[]> => store.addMany(`nginx-${number++}`, count);
      const classOf = (result: PushResult | undefined) => {
        if (result?.status !== "failed") return result?.status;
        return classifyFailure(result.error, result.executions.at(-1)).failureClass;
      };
      const pushTo = async (options: NginxOptions, more: Parameters<typeof push>[2] = {}) => {
        await using nginx = await startNginx(options);
        return await push(nginx.url, await add(), more);
      };

      it("takes many paths, and has them", async () => {
        await using nginx = await startNginx();
        const paths = await add(30);
        expect(await push(nginx.url, paths)).toMatchObject({ status: "pushed", confirmedPaths: paths });
        expect((await readdir(nginx.root)).filter((name) => name.endsWith(".narinfo"))).toHaveLength(30);
        expect(await readdir(join(nginx.root, "nar"))).toHaveLength(30);
      });

      it("takes them from who has its password, and says credentials of others", async () => {
        const credentials = { username: "ci", password: "canary-4f1d9c" };
        const source = '{ env = { vars = ["HTTP_USERNAME", "HTTP_PASSWORD"] } }';
        const as = (password: string) =>
          pushTo(
            { credentials },
            { credentials: source, env: { HTTP_USERNAME: "ci", HTTP_PASSWORD: password } },
          );
        expect(await as("canary-4f1d9c")).toMatchObject({ status: "pushed" });
        expect(classOf(await as("canary-wrong"))).toBe("credentials");
        expect(classOf(await pushTo({ credentials }))).toBe("credentials");
      });

      it.each<[name: string, options: NginxOptions]>([
        ["takes no uploads (405)", { writable: false }],
        ["takes nothing so large (413)", { maxBody: "1" }],
      ])("that %s fails for good", async (_name, options) => {
        expect(classOf(await pushTo(options))).toBe("permanent");
      });

      describe("behind a proxy", () => {
        const through = async (
          choose: (request: PassingRequest) => ExchangeFault | undefined,
          { count = 3, timeoutMs = 60_000 } = {},
        ) => {
          await using nginx = await startNginx();
          await using proxy = await startFaultProxy(nginx.url, choose);
          const paths = await add(count);
          const first = await push(proxy.url, paths, { timeoutMs });
          const isThere = async (path: string): Promise<boolean> =>
            access(path).then(
              () => true,
              () => false,
            );
          const narinfos = (await readdir(nginx.root)).filter((name) => name.endsWith(".narinfo"));
          const nars = (await isThere(join(nginx.root, "nar"))) ? await readdir(join(nginx.root, "nar")) : [];
          const again = await push(nginx.url, paths);
          return { first, again, narinfos, nars, seen: proxy.seen };
        };
        const onlyFirst = (matches: (request: PassingRequest) => boolean, fault: ExchangeFault) => {
          let left = 1;
          return (request: PassingRequest): ExchangeFault | undefined =>
            matches(request) && left-- > 0 ? fault : undefined;
        };

        it("that delays each request by 60 ms arrives", async () => {
          const { first } = await through(() => ({ kind: "delay", ms: 60 }));
          expect(first).toMatchObject({ status: "pushed" });
        });

        it("that drips its answers arrives", async () => {
          const { first } = await through(() => ({ kind: "drip", bytes: 16, everyMs: 5 }));
          expect(first).toMatchObject({ status: "pushed" });
        });

        it.each<[name: string, matches: (request: PassingRequest) => boolean, fault: ExchangeFault]>([
          ["cuts a NAR on its way", isNar, { kind: "cut-request", afterBytes: 40 }],
          ["cuts a narinfo on its way", isNarinfo, { kind: "cut-request", afterBytes: 40 }],
          ["loses the answer to a NAR", isNar, { kind: "cut-answer", afterBytes: 0 }],
          ["answers 503 to a NAR", isNar, { kind: "answer", status: 503 }],
          ["answers 520 to a narinfo", isNarinfo, { kind: "answer", status: 520 }],
          ["answers 429 to a narinfo", isNarinfo, { kind: "answer", status: 429 }],
        ])("that %s fails for now or arrives, and the next push heals it", async (_name, matches, fault) => {
          const { first, again, narinfos, nars } = await through(onlyFirst(matches, fault));
          // curl asks again by itself where a kept connection breaks before anything came.
          expect(["pushed", "transient"]).toContain(classOf(first));
          expect(nars.length).toBeGreaterThanOrEqual(narinfos.length);
          expect(again).toMatchObject({ status: "pushed" });
        });

        it.each<[status: number, failureClass: string]>([
          [400, "permanent"],
          [403, "credentials"],
          [404, "permanent"],
          [500, "transient"],
          [530, "transient"],
        ])(
          "that answers %i to the last narinfo is %s, and tells what got there",
          async (status, failureClass) => {
            let narinfos = 0;
            const { first, narinfos: there } = await through((request) =>
              isNarinfo(request) && ++narinfos >= 3 ? { kind: "answer", status } : undefined,
            );
            expect(classOf(first)).toBe(failureClass);
            expect(there).toHaveLength(2);
            // A command that failed confirms nothing; a path that failed alone leaves the others confirmed.
            const confirmed = upload === "direct" ? 2 : 0;
            expect(first?.status === "failed" ? first.confirmedPaths : undefined).toHaveLength(confirmed);
            expect(first?.status === "failed" ? first.storePaths : []).toHaveLength(2);
          },
        );

        it("that cuts the question afterwards has not failed the push", async () => {
          const isQuestion = ({ method, path, count }: PassingRequest): boolean =>
            method === "GET" && path.endsWith(".narinfo") && count === 2;
          const { first } = await through((request) =>
            isQuestion(request) ? { kind: "cut-answer", afterBytes: 10 } : undefined,
          );
          expect(first).toMatchObject({ status: "pushed" });
        });

        it("that hangs is ended by the timeout, and the next push heals it", async () => {
          const { first, again } = await through(onlyFirst(isNar, { kind: "hang" }), { timeoutMs: 4_000 });
          expect(first).toMatchObject({ status: "failed", error: { code: "ERR_PUSH_TIMEOUT" } });
          expect(again).toMatchObject({ status: "pushed" });
        });
      });
    }),
  );
});
