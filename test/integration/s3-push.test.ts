import { CacheRegistry, type PushResult } from "@eka-ci/caches";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { classifyFailure } from "../../src/delivery/classify-failure.ts";
import { describeWith, newerNix } from "../support/requirement.ts";
import { type ExternalServer, startExternal } from "./servers/external-server.ts";
import { type ExchangeFault, type PassingRequest, startFaultProxy } from "./servers/fault-proxy.ts";

const toS3Error = (code: string): string => `<Error><Code>${code}</Code><Message>said so</Message></Error>`;
const isNarinfo = ({ method, path }: PassingRequest): boolean =>
  method === "PUT" && path.endsWith(".narinfo");

const FOR_EVERYONE = {
  Version: "2012-10-17",
  Statement: [
    {
      ...{ Effect: "Allow", Principal: "*", Action: "s3:*" },
      Resource: ["arn:aws:s3:::nix-cache", "arn:aws:s3:::nix-cache/*"],
    },
  ],
};

// Debian's build of Nix cannot sign, so the bucket is open to everyone.
describeWith("moto_server", "S3 at moto", () => {
  describeWith("newer-nix", "without signatures", () =>
    describe.each(["direct", "nix"])("by upload = %s", (upload) => {
      let moto: ExternalServer;
      let store: PrivateNixStore;
      let number = 0;
      beforeAll(async () => {
        moto = await startExternal("moto_server", (port) => ["-H", "127.0.0.1", "-p", String(port)]);
        store = await PrivateNixStore.create(`${newerNix}:${process.env["PATH"]}`);
        const created = await fetch(`${moto.url}/nix-cache`, { method: "PUT" });
        const opened = await fetch(`${moto.url}/nix-cache?policy`, {
          method: "PUT",
          body: JSON.stringify(FOR_EVERYONE),
        });
        expect([created.ok, opened.ok]).toEqual([true, true]);
      }, 60_000);
      afterAll(async () => {
        await store[Symbol.asyncDispose]();
        await moto[Symbol.asyncDispose]();
      });

      const push = async (
        endpoint: string,
        bucket: string,
        storePaths: readonly string[],
      ): Promise<PushResult | undefined> => {
        await using registry = CacheRegistry.fromToml(
          `[security]
         allow_private_cache_hosts = true
         [[caches]]
         id = "s3"
         cache_type = "nix-copy"
         destination = "s3://${bucket}?endpoint=${endpoint}&region=us-east-1"
         upload = "${upload}"
         credentials = "none"
         permissions = { allow_all = true }`,
          { runtime: { env: store.env } },
        );
        return (await registry.push({ repository: "o/r", job: "j", caches: ["s3"], storePaths })).results[0];
      };
      const add = (count = 2): Promise<readonly string[]> => store.addMany(`s3-${number++}`, count);

      const classOf = (result: PushResult | undefined) => {
        if (result?.status !== "failed") return result?.status;
        return classifyFailure(result.error, result.executions.at(-1)).failureClass;
      };

      it("has what was pushed", async () => {
        const paths = await add(10);
        const result = await push(moto.url, "nix-cache", paths);
        expect(result).toMatchObject({ status: "pushed", confirmedPaths: paths });
        const [path = ""] = paths;
        const hash = path.slice(path.lastIndexOf("/") + 1).split("-")[0];
        const narinfo = await (await fetch(`${moto.url}/nix-cache/${hash}.narinfo`)).text();
        expect(narinfo).toContain(`StorePath: ${path}`);
      });

      it("is asked for NARs, too: one that lost some has not got the path", async () => {
        const paths = await add(3);
        expect(await push(moto.url, "nix-cache", paths)).toMatchObject({ status: "pushed" });
        const hash = paths[1]?.slice(paths[1].lastIndexOf("/") + 1).split("-")[0];
        const narinfo = await (await fetch(`${moto.url}/nix-cache/${hash}.narinfo`)).text();
        const url = /^URL: (.*)$/mu.exec(narinfo)?.[1];
        expect((await fetch(`${moto.url}/nix-cache/${url}`, { method: "DELETE" })).status).toBe(204);
        const again = await push(moto.url, "nix-cache", paths);
        // Nix finds the narinfo there, and sends nothing.
        if (upload === "nix")
          expect(again).toMatchObject({
            ...{ status: "failed", error: { code: "ERR_PUSH_UNVERIFIED" }, storePaths: [paths[0], paths[2]] },
          });
        else expect(again).toMatchObject({ status: "pushed", confirmedPaths: paths });
      });

      it("fails for good where there is no such bucket", async () => {
        const result = await push(moto.url, "no-such-bucket", await add());
        expect(classOf(result)).toBe("permanent");
      });

      it.each<[status: number, code: string, failureClass: string]>([
        [400, "ExpiredToken", "credentials"],
        [400, "RequestTimeout", "transient"],
        [403, "RequestTimeTooSkewed", "transient"],
        [403, "SignatureDoesNotMatch", "credentials"],
        [403, "AccessDenied", "credentials"],
        [503, "SlowDown", "transient"],
        [400, "EntityTooLarge", "permanent"],
        [501, "NotImplemented", "permanent"],
      ])("that answers %i with %s is %s", async (status, code, failureClass) => {
        const fault: ExchangeFault = { kind: "answer", status, body: toS3Error(code) };
        await using proxy = await startFaultProxy(moto.url, (request) =>
          isNarinfo(request) ? fault : undefined,
        );
        const result = await push(proxy.url, "nix-cache", await add());
        expect(classOf(result)).toBe(failureClass);
        expect(result?.status === "failed" ? result.error.message : "").toContain(code);
      });
    }),
  );
});
