import { buildPushCommand, parseServerConfig, type Secret } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";
import { hasNixSince, parseNixVersion } from "../../src/commands/nix-version.ts";

const storePaths = ["/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12"];

function urlFor(query: string, nixVersion: string | undefined): string {
  const { caches } = parseServerConfig(`
    [security]
    allow_private_cache_hosts = true
    [[caches]]
    id = "s3"
    cache_type = "nix-copy"
    destination = "s3://bucket/prefix?${query}"
    credentials = "none"`);
  const [cache] = caches;
  if (cache === undefined) throw new Error("There is no cache");
  const credentials = { env: new Map<string, Secret>() };
  const { destination } = cache;
  return String(buildPushCommand({ destination, storePaths, credentials, nixVersion }).args[4]);
}

describe("the version of nix", () => {
  it.each([
    ["nix (Nix) 2.8.0\n", { name: "Nix", major: 2, minor: 8 }],
    ["nix (Nix) 2.34.8", { name: "Nix", major: 2, minor: 34 }],
    ["nix (Nix) 2.35.0pre20260101_abcdef0", { name: "Nix", major: 2, minor: 35 }],
    ["nix (Determinate Nix 3.6.2) 2.29.0", { name: "Determinate Nix", major: 2, minor: 29 }],
    ["nix (Lix, like Nix) 2.91.0", { name: "Lix", major: 2, minor: 91 }],
    ["nix (Lix, like Nix) 2.93.3-lixpre20250727-abc", { name: "Lix", major: 2, minor: 93 }],
    ["bash: nix: command not found", undefined],
    ["", undefined],
  ])("is read from %j", (text, version) => {
    expect(parseNixVersion(text)).toEqual(version);
  });

  it("of Lix is no version of Nix", () => {
    const lix = { name: "Lix", major: 2, minor: 93 };
    expect([hasNixSince(lix, 2, 33), hasNixSince(lix, 2, 18)]).toEqual([false, true]);
  });
});

describe("an endpoint", () => {
  const NEW = "nix (Nix) 2.34.8";
  const OLD = "nix (Nix) 2.26.3";
  const LIX = "nix (Lix, like Nix) 2.93.0";
  it.each([
    ["endpoint=minio:9000&scheme=https", NEW, "endpoint=https://minio:9000"],
    ["endpoint=minio:9000&scheme=https", undefined, "endpoint=https://minio:9000"],
    ["endpoint=minio:9000&scheme=https", "no version", "endpoint=https://minio:9000"],
    ["endpoint=minio:9000&scheme=https", OLD, "endpoint=minio:9000&scheme=https"],
    ["endpoint=minio:9000&scheme=https", LIX, "endpoint=minio:9000&scheme=https"],
    ["endpoint=minio:9000", NEW, "endpoint=https://minio:9000"],
    ["endpoint=minio:9000", OLD, "endpoint=minio:9000&scheme=https"],
    ["endpoint=minio.example", NEW, "endpoint=https://minio.example"],
    ["scheme=http&endpoint=minio:9000", NEW, "endpoint=http://minio:9000"],
    ["scheme=http&endpoint=minio:9000", OLD, "endpoint=minio:9000&scheme=http"],
    ["endpoint=https://minio:9000", NEW, "endpoint=https://minio:9000"],
    ["endpoint=https%3A%2F%2Fminio%3A9000", NEW, "endpoint=https://minio:9000"],
    ["endpoint=https://minio:9000", OLD, "endpoint=minio:9000&scheme=https"],
    ["endpoint=https://minio:9000&scheme=http", NEW, "endpoint=https://minio:9000"],
    ["endpoint=https://minio:9000&scheme=http", OLD, "endpoint=minio:9000&scheme=https"],
    ["region=eu-west-1&endpoint=127.0.0.1:9000", NEW, "region=eu-west-1&endpoint=https://127.0.0.1:9000"],
    ["endpoint=[::1]:9000", NEW, "endpoint=https://%5B::1%5D:9000"],
    ["region=eu-west-1&scheme=http", NEW, "region=eu-west-1&scheme=http"],
  ])("%s is written for %s as %s", (query, version, expected) => {
    expect(urlFor(query, version)).toBe(`s3://bucket/prefix?${expected}`);
  });
});
