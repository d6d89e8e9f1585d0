// What examples take for given: things that a host has, and that an example about something else need not
// make.
import type * as caches from "@eka-ci/caches";
import type * as vitest from "vitest";

declare global {
  /** A registry of the host. */
  const registry: caches.CacheRegistry;
  const lastLetter: caches.DeadLetter | undefined;
  const queue: caches.PushQueue;
  const ledger: caches.PushLedger;
  const request: caches.PushRequest;
  /** What came over HTTP, and the way to answer it. */
  const received: Request;
  function respond(status: number): void;
  const firstRequest: caches.PushRequest;
  const secondRequest: caches.PushRequest;
  const report: caches.PushReport;
  const result: caches.PushResult;
  const decision: caches.Decision;
  const error: unknown;
  const executor: caches.Executor;
  const serverConfig: caches.ServerConfig;
  const repositoryConfig: caches.RepositoryConfig;
  const command: caches.CommandSpec;
  const input: caches.PushCommandInput;
  const destination: caches.AtticDestination & caches.CachixDestination & caches.HttpDestination;
  const s3Destination: caches.S3Destination;
  const credentials: caches.Credentials;
  const storePaths: readonly string[];
  const paths: readonly string[];
  const outputs: readonly string[];
  /** Texts of files. */
  const text: string;
  const toml: string;
  const json: string;
  const stdout: string;
  /** Directory of a checkout. */
  const checkout: string;
  const bytes: Uint8Array;
  /** A custom source and a custom executor of the host, and its test framework. */
  const keyring: (options: { readonly entry: string }) => caches.CredentialProvider;
  /** Cache types of the host. */
  const niks3: caches.CacheTypeDefinition;
  const handOver: caches.CacheTypeDefinition;
  function createSshExecutor(host: string): caches.Executor;
  const describe: typeof vitest.describe;
  const it: typeof vitest.it;
  const expect: typeof vitest.expect;
  /** Functions of the host. */
  function show(value: unknown): void;
  function log(line: string): void;
  function alertOperators(message: string): void;
  function archive(event: caches.AuditEvent): Promise<void>;
  function readKeyring(entry: string, signal?: AbortSignal): Promise<string>;
}
