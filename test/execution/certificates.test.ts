import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import type { CommandSpec } from "@eka-ci/caches";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addCertificates } from "../../src/execution/certificates.ts";

const command: CommandSpec = { file: "nix", args: [], env: new Map(), files: [] };
const BUNDLE = { kind: "work-file", path: "certificates.pem" };

describe("certificates for every tool", () => {
  let directory = "";
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "eka-ci-certificates-"));
    mkdirSync(join(directory, "authorities"));
    mkdirSync(join(directory, "authorities", "inner"));
    writeFileSync(join(directory, "authorities", "one.pem"), `Authority One\n${rootCertificates[0]}\n`);
    writeFileSync(
      join(directory, "authorities", "two.crt"),
      `${rootCertificates[1]}\n${rootCertificates[2]}\n`,
    );
    // One that is malformed would hide those behind it.
    const malformed = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    writeFileSync(join(directory, "authorities", "0.pem"), malformed);
    writeFileSync(join(directory, "authorities", "README"), "no certificate");
    symlinkSync("one.pem", join(directory, "authorities", "0a1b2c3d.0"));
    symlinkSync("nowhere", join(directory, "authorities", "broken"));
    mkdirSync(join(directory, "empty"));
    // One would keep the process waiting, the other has no end.
    execFileSync("mkfifo", [join(directory, "authorities", "pipe")]);
    symlinkSync("/dev/zero", join(directory, "authorities", "endless"));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const derive = (env: Record<string, string>) => Object.fromEntries(addCertificates(command, env).env);

  it("are derived from a file", () => {
    const all = { NIX_SSL_CERT_FILE: "/a.pem", SSL_CERT_FILE: "/a.pem", SYSTEM_CERTIFICATE_PATH: "/a.pem" };
    const { NIX_SSL_CERT_FILE, ...others } = all;
    expect(derive({ NIX_SSL_CERT_FILE })).toEqual(others);
    expect(derive({ SSL_CERT_FILE: "/a.pem" })).toEqual({
      NIX_SSL_CERT_FILE: "/a.pem",
      SYSTEM_CERTIFICATE_PATH: "/a.pem",
    });
    const file = join(directory, "authorities", "one.pem");
    expect(derive({ SYSTEM_CERTIFICATE_PATH: file })).toEqual({
      NIX_SSL_CERT_FILE: file,
      SSL_CERT_FILE: file,
    });
  });

  it("that the host sets stay as they are, and nix's own file counts first", () => {
    expect(derive({ NIX_SSL_CERT_FILE: "/a", SSL_CERT_FILE: "/b" })).toEqual({
      SYSTEM_CERTIFICATE_PATH: "/a",
    });
    const all = {
      NIX_SSL_CERT_FILE: "/a",
      SSL_CERT_FILE: "/b",
      SSL_CERT_DIR: "/c",
      SYSTEM_CERTIFICATE_PATH: "/d",
    };
    expect(derive(all)).toEqual({});
    expect(derive({})).toEqual({});
  });

  it.each(["SSL_CERT_DIR", "SYSTEM_CERTIFICATE_PATH"])(
    "in the directory of %s become one private file",
    (name) => {
      const made = addCertificates(command, { [name]: join(directory, "authorities") });
      const derived = Object.fromEntries(made.env);
      expect(derived).toMatchObject({ NIX_SSL_CERT_FILE: BUNDLE, SSL_CERT_FILE: BUNDLE });
      const [file] = made.files;
      const content = file?.content.expose() ?? "";
      expect(content.match(/BEGIN CERTIFICATE/gu)).toHaveLength(3);
      expect(file?.path).toEqual(BUNDLE);
    },
  );

  it.each(["empty", "nothing-there"])("in a directory that has none (%s) are none", (name) => {
    expect(addCertificates(command, { SSL_CERT_DIR: join(directory, name) })).toBe(command);
  });
});
