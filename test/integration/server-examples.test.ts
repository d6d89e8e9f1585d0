import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CacheRegistry } from "@eka-ci/caches";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PrivateNixStore } from "../../examples/support/private-nix-store.ts";
import { describeEachNix, describeWith, newerNix } from "../support/requirement.ts";
import { startExternal } from "./servers/external-server.ts";

/** A block of the page about servers, by its language and a text in it. */
async function readExample(language: string, part: string): Promise<string> {
  const page = await readFile(new URL("../../docs/servers.md", import.meta.url), "utf8");
  const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```/gmsu)];
  const found = blocks.find(([, name, text = ""]) => name === language && text.includes(part))?.[2];
  if (found === undefined) throw new Error(`No example in ${language} has ${part}`);
  return found;
}

const PRIVATE_HOSTS = "[security]\nallow_private_cache_hosts = true\n";
const REQUEST = {
  repository: "myorg/app",
  ref: { type: "branch", name: "main" } as const,
  job: "j",
};

describeWith("nginx", "the example of nginx", () => {
  describeEachNix("is a cache as it stands", (searchPath) => {
    let store: PrivateNixStore;
    let directory: string;
    beforeAll(async () => {
      store = await PrivateNixStore.create(searchPath);
      directory = await mkdtemp(join(tmpdir(), "eka-ci-example-"));
      await mkdir(join(directory, "root"));
    });
    afterAll(async () => {
      await store[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    });

    it("for who has the password", async () => {
      const block = await readExample("nginx", "dav_methods");
      const toConfiguration = (port: number): string => {
        const moved = block
          .replace("listen 443 ssl", `listen 127.0.0.1:${port}`)
          .replace("/srv/nix-cache", join(directory, "root"))
          .replace("/etc/nginx/cache-users", join(directory, "users"));
        const body = `client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/fastcgi; uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;`;
        return `daemon off; master_process off; pid ${directory}/pid; events {} http { access_log off; ${body} ${moved} }`;
      };
      await writeFile(join(directory, "users"), "ci:{PLAIN}canary-4f1d9c\n");
      await using nginx = await startExternal(
        "nginx",
        () => ["-c", join(directory, "conf"), "-e", "stderr"],
        {},
        (port) => writeFile(join(directory, "conf"), toConfiguration(port)),
      );
      const table = (await readExample("toml", 'id = "nginx"')).replace(
        "https://cache.example.com",
        nginx.url,
      );
      const env = { ...store.env, HTTP_USERNAME: "ci", HTTP_PASSWORD: "canary-4f1d9c" };
      await using registry = CacheRegistry.fromToml(PRIVATE_HOSTS + table, { runtime: { env } });
      const storePaths = [await store.add("example", "x".repeat(2 * 1024 * 1024))];
      const report = await registry.push({ ...REQUEST, caches: ["nginx"], storePaths });
      expect(report.results).toMatchObject([{ status: "pushed", confirmedPaths: storePaths }]);
      expect(await readdir(join(directory, "root"))).toContain("nix-cache-info");
      const [denied] = (
        await registry.push({ ...REQUEST, repository: "other/app", caches: ["nginx"], storePaths })
      ).results;
      expect(denied).toMatchObject({ status: "denied" });
    });
  });
});

describeWith("moto_server", "the example of an S3 server", () => {
  describeWith("newer-nix", "takes pushes as it stands", () => {
    it("but for the keys, since Debian's Nix cannot sign", async () => {
      await using store = await PrivateNixStore.create(`${newerNix}:${process.env["PATH"]}`);
      await using moto = await startExternal("moto_server", (port) => [
        "-H",
        "127.0.0.1",
        "-p",
        String(port),
      ]);
      await fetch(`${moto.url}/nix-cache`, { method: "PUT" });
      const statement = {
        Effect: "Allow",
        Principal: "*",
        Action: "s3:*",
        Resource: "arn:aws:s3:::nix-cache*",
      };
      const policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
      await fetch(`${moto.url}/nix-cache?policy`, { method: "PUT", body: policy });
      const table = (await readExample("toml", 'id = "minio"'))
        .replace("https://minio.example.com:9000", moto.url)
        .replace(/credentials = .*/u, 'credentials = "none"');
      await using registry = CacheRegistry.fromToml(PRIVATE_HOSTS + table, { runtime: { env: store.env } });
      const storePaths = await store.addMany("example", 3);
      const report = await registry.push({ ...REQUEST, caches: ["minio"], storePaths });
      expect(report.results).toMatchObject([{ status: "pushed", confirmedPaths: storePaths }]);
    });
  });
});
