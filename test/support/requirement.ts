import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe } from "vitest";
import { findPostgres } from "../integration/servers/postgres.ts";

const REQUIRED = new Set((process.env["EKA_CI_TEST_REQUIRE"] ?? "").split(","));

/** What a tool is asked with where it does not know `--version`. */
const PROBES: Readonly<Record<string, string>> = { moto_server: "--help", nginx: "-v", openssl: "version" };

/** A Node.js that has `node:sqlite`: this one, or the one that `EKA_CI_NODE_WITH_SQLITE` leads to. */
export const nodeWithSqlite: string | undefined =
  process.getBuiltinModule?.("node:sqlite") === undefined
    ? process.env["EKA_CI_NODE_WITH_SQLITE"]
    : process.execPath;

/** The directory with a newer Nix than the installed one, which `EKA_CI_NIX_NEWER` leads to. */
export const newerNix: string | undefined = process.env["EKA_CI_NIX_NEWER"] || undefined;

/**
 * The AWS engine of Vault as a plugin by the name `aws`, alone in its directory, which
 * `EKA_CI_VAULT_AWS_ENGINE` leads to.
 */
export const vaultAwsEngine: string | undefined = process.env["EKA_CI_VAULT_AWS_ENGINE"] || undefined;

function isInstalled(tool: string): boolean {
  if (tool === "node:sqlite") return nodeWithSqlite !== undefined;
  if (tool === "root") return process.getuid?.() === 0;
  if (tool === "newer-nix") return newerNix !== undefined;
  if (tool === "vault-aws-engine") return vaultAwsEngine !== undefined;
  if (tool === "postgres") return findPostgres() !== undefined;
  // It tells its version only beside an error.
  if (tool === "sshd") return existsSync("/usr/sbin/sshd");
  try {
    execFileSync(tool, [PROBES[tool] ?? "--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/**
 * Defines tests that need a tool. Where it is missing they are skipped by name; where `EKA_CI_TEST_REQUIRE`
 * names it, a missing tool fails them instead.
 */
export function describeWith(tool: string, name: string, define: () => void): void {
  const installed = isInstalled(tool);
  if (!installed && !REQUIRED.has(tool)) console.warn(`skipped, since ${tool} is not installed: ${name}`);
  describe.runIf(installed || REQUIRED.has(tool))(`${name} (with ${tool})`, define);
}

/** Whether this Node.js has `node:sqlite`. */
export const hasSqlite = process.getBuiltinModule?.("node:sqlite") !== undefined;

/**
 * Defines tests that need `node:sqlite` in this very process. On a Node.js without it they do not exist;
 * `.ci/run` runs them on each one that has it, with the tarball.
 */
export function describeWithSqlite(name: string, define: () => void): void {
  if (hasSqlite) describe(name, define);
}

/** Defines tests of each Nix that is there: the installed one, and a newer one. */
export function describeEachNix(name: string, define: (path: string) => void): void {
  const installed = process.env["PATH"] ?? "";
  describeWith("nix", name, () => define(installed));
  describeWith("newer-nix", name, () => define(`${newerNix}:${installed}`));
}
