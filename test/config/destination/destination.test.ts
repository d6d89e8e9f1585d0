import { type CacheType, safeParseServerConfig } from "@eka-ci/caches";
import { describe, expect, it } from "vitest";

const parse = (cacheType: CacheType, destination: string, allowPrivate = false) => {
  const text = `
    [security]
    allow_private_cache_hosts = ${allowPrivate}
    [[caches]]
    id = "x"
    cache_type = "${cacheType}"
    destination = ${JSON.stringify(destination)}
    credentials = "none"
    permissions = { allow_all = true }`;
  const result = safeParseServerConfig(text);
  return result.success
    ? { codes: result.diagnostics.map(({ code }) => code), destination: result.output.caches[0]?.destination }
    : { codes: result.diagnostics.map(({ code }) => code) };
};

describe("accepted destinations", () => {
  it.each([
    "s3://bucket",
    "s3://my.bucket-1/prefix/deep",
    "s3://bucket/prefix/?region=us-east-1",
    "s3://bucket?region=eu-west-1&endpoint=minio.example:9000&scheme=https",
    "s3://bucket?endpoint=https%3A%2F%2Fminio.example",
    "s3://bucket?profile=prod&multipart-upload=true&storage-class=STANDARD_IA&addressing-style=path",
    "s3://bucket?compression=zstd&parallel-compression=true&compression-level=3&write-nar-listing=true",
    "s3://bucket?multipart-upload=yes&multipart-chunk-size=5M&multipart-threshold=50M&buffer-size=10485760",
    "s3://bucket?storage-class=GLACIER_IR",
    "https://cache.example.com?parallel-compression=1&write-nar-listing=no",
    "https://cache.example.com?&compression=zstd&",
    "https://cache.example.com",
    "https://cache.example.com:8443/path/to",
    "https://cache.example.com?compression=zstd&priority=40",
    "https://203.0.113.5/x",
    "https://[2606:4700::1]/x",
  ])("nix-copy takes %s", (destination) => {
    expect(parse("nix-copy", destination).codes).toEqual([]);
  });

  it.each(["http://127.0.0.1:8080/cache", "http://10.0.0.5/cache"])("attic takes %s", (destination) => {
    expect(parse("attic", destination, true).codes).toEqual([]);
  });

  it.each(["my-cache", "a", "0cache", "a--b"])("cachix takes %s", (destination) => {
    expect(parse("cachix", destination).codes).toEqual([]);
  });

  it.each([
    ["https://attic.example.com/cache", "https://attic.example.com/", "cache"],
    ["https://attic.example.com/a/b/cache", "https://attic.example.com/a/b/", "cache"],
    ["https://attic.example.com:8080/c_+-1", "https://attic.example.com:8080/", "c_+-1"],
  ])("attic takes %s apart", (destination, endpoint, cache) => {
    expect(parse("attic", destination).destination).toMatchObject({ endpoint, cache });
  });

  it.each([
    "http://cache.example.com",
    "s3://bucket?scheme=http",
    "s3://bucket?endpoint=http://minio.example",
  ])("%s brings a warning", (destination) => {
    expect(parse("nix-copy", destination).codes).toEqual(["plaintext-destination"]);
  });
});

describe("refused destinations", () => {
  it.each([
    "",
    "auto",
    "local",
    "daemon",
    "dummy://",
    "/tmp/store",
    "./store",
    "-x/y",
    "--help",
    "file:///tmp/store",
    "unix:///run/socket",
    "local?root=/tmp",
    "local-overlay://",
    "ssh://host",
    "ssh://localhost?remote-program=/bin/sh",
    "ssh-ng://-oProxyCommand=x",
    "mounted-ssh-ng://host",
    "S3://bucket",
    "HTTPS://host",
    " https://host",
    "https://host ",
    "https:host",
    "https:///host",
    "https://",
    "https://host#fragment",
    "https://host/a b",
    "https://host/\t",
    "https://host/\u202e",
    "https://host/..",
    "https://host/%2e%2e/x",
    "https://host/%2F",
    "https://ho\\st",
    "https://host%00",
    "https://host:99999",
    "https://host:0",
    "https://host?secret-key=/etc/key",
    "https://host?local-nar-cache=/tmp",
    "https://host?tls-private-key=/x",
    "https://host?store=/other",
    "https://host?real=/x",
    "https://host?root=/x",
    "https://host?trusted=true",
    "https://host?region=us-east-1",
    "https://host?compression=zstd&compression=xz",
    "https://host?compression",
    "https://host?compression=nonsense",
    "https://host?__proto__=1",
    "https://host?constructor=1",
    "s3:///bucket",
    "s3://",
    "s3://b",
    "s3://-bucket",
    "s3://bucket/../other",
    "s3://bucket/a#b",
    "s3://bucket?secret-key=/x",
    "s3://bucket?secret-keys=/x",
    "s3://bucket?remote-program=/x",
    "s3://bucket?remote-store=x",
    "s3://bucket?state=/x",
    "s3://bucket?log=/x",
    "s3://bucket?scheme=ftp",
    "s3://bucket?endpoint=ftp://host",
    "s3://bucket?endpoint=",
    "s3://bucket?region=%00",
    "s3://bucket?region=us%20east",
    "s3://bucket?profile=a%0ab",
    "s3://bucket?region=%zz",
    "s3://bucket?storage-class=GLACIER",
    "s3://bucket?storage-class=DEEP_ARCHIVE",
    "s3://bucket?multipart-upload=on",
    "s3://bucket?multipart-threshold=50MiB",
    "https://host?parallel-compression=True",
    "s3://bucket?unknown=1",
  ])("nix-copy refuses %j", (destination) => {
    expect(parse("nix-copy", destination, true).codes).toEqual(["invalid-destination"]);
  });

  it.each(["", "-x", "--help", "My-Cache", "a_b", "a/b", "https://x.cachix.org", "a b", "é", "a".repeat(65)])(
    "cachix refuses %j",
    (destination) => {
      expect(parse("cachix", destination).codes).toEqual(["invalid-destination"]);
    },
  );

  it.each([
    "cache",
    "server:cache",
    "http://attic.example.com/cache",
    "https://attic.example.com",
    "https://attic.example.com/",
    "https://attic.example.com/cache/",
    "https://attic.example.com/-x",
    "https://attic.example.com/a.b",
    "https://attic.example.com/cache?x=1",
    `https://attic.example.com/${"a".repeat(51)}`,
  ])("attic refuses %j", (destination) => {
    expect(parse("attic", destination).codes).toEqual(["invalid-destination"]);
  });
});

describe("credentials in destinations", () => {
  it.each([
    ["nix-copy", "https://user:password@host"],
    ["nix-copy", "https://user@host"],
    ["nix-copy", "s3://user@bucket"],
    ["nix-copy", "s3://bucket?endpoint=https://u:p@host"],
    ["nix-copy", "s3://bucket?endpoint=https%3A%2F%2Fu:p%40host"],
    ["nix-copy", "https://host/AKIAIOSFODNN7EXAMPLE"],
    ["attic", "https://token@attic.example.com/cache"],
  ] as const)("%s refuses %j", (type, destination) => {
    expect(parse(type, destination, true).codes).toEqual(["inline-secret"]);
  });
});

it("names a parameter only if it is one of Nix's", () => {
  const messageOf = (destination: string) => {
    const text = `[[caches]]\nid="x"\ncache_type="nix-copy"\ndestination="${destination}"\ncredentials="none"\npermissions={allow_all=true}`;
    return safeParseServerConfig(text)
      .diagnostics.map(({ message }) => message)
      .join();
  };
  expect(messageOf("https://h?secret-key=/x")).toContain("secret-key");
  expect(messageOf("https://h?canary-4f1d9c")).not.toContain("canary");
  expect(messageOf("https://h?a=b&canary-4f1d9c=1")).not.toContain("canary");
});

describe("private hosts", () => {
  it.each([
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[::ffff:0:7f00:1]",
    "[2001::1]",
    "metadata.google.internal",
  ])("%s needs allow_private_cache_hosts", (host) => {
    for (const destination of [
      `https://${host}/x`,
      `s3://bucket?endpoint=https://${host}`,
      `s3://bucket?endpoint=${host}`,
    ]) {
      expect(parse("nix-copy", destination).codes).toEqual(["private-host"]);
      expect(parse("nix-copy", destination, true).codes).toEqual([]);
    }
    expect(parse("attic", `https://${host}/cache`).codes).toEqual(["private-host"]);
  });

  it.each(["minio.internal", "cache.example.com", "8.8.8.8", "[2606:4700::1]", "localhost.example.com"])(
    "%s does not",
    (host) => {
      expect(parse("nix-copy", `https://${host}/x`).codes).toEqual([]);
    },
  );
});
