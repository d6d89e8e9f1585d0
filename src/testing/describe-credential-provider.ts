import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import type { ErrorCodes } from "../core/error-codes.ts";
import { CredentialError } from "../core/errors.ts";
import { Secret } from "../core/secret.ts";
import type { CredentialProvider } from "../credentials/provider.ts";
import type { TestFramework } from "./test-framework.ts";
import { toVisibleText } from "./visible-text.ts";

/**
 * Situations of a provider, for {@link describeCredentialProvider}. Each is created anew for its test.
 *
 * @example
 * ```ts
 * const suite: CredentialProviderSuite = {
 *   name: "keyring",
 *   framework: { describe, it },
 *   ready: () => ({ provider: createStaticProvider({ A_TOKEN: "x" }), values: { A_TOKEN: "x" } }),
 *   failures: [],
 * };
 * ```
 *
 * @public
 */
export interface CredentialProviderSuite {
  /** Name of the suite. */
  readonly name: string;
  /** The test framework in use. */
  readonly framework: TestFramework;
  /** A provider whose source has everything. */
  readonly ready: () => Arranged<ReadyProvider>;
  /** Providers whose source is missing, denied, malformed, … */
  readonly failures: readonly FailingProvider[];
  /** A provider whose source gets new values; omit it if values never change. */
  readonly rotated?: (() => Arranged<RotatingProvider>) | undefined;
  /**
   * A provider whose source does not answer until it is aborted; omit it for sources that answer at once.
   */
  readonly slow?: (() => Arranged<CredentialProvider>) | undefined;
}

/**
 * A value, or a promise of one.
 *
 * @public
 */
export type Arranged<T> = T | Promise<T>;

/**
 * A successful provider.
 *
 * @public
 */
export interface ReadyProvider {
  /** The provider. */
  readonly provider: CredentialProvider;
  /** The expected answer, by name. Values must be unlike any other printed text. */
  readonly values: Readonly<Record<string, string>>;
}

/**
 * A failing provider.
 *
 * @public
 */
export interface FailingProvider {
  /** The situation, such as "when the file is missing". */
  readonly situation: string;
  /** The expected code. */
  readonly code: ErrorCodes["CredentialError"];
  /** Creates the provider. */
  readonly arrange: () => Arranged<CredentialProvider>;
  /** Texts that must not be shown, besides the values of `ready`. */
  readonly canaries?: readonly string[] | undefined;
}

/**
 * A provider whose source gets new values.
 *
 * @public
 */
export interface RotatingProvider extends ReadyProvider {
  /** Changes the values at the source, and returns them. */
  readonly rotate: () => Arranged<Readonly<Record<string, string>>>;
}

/**
 * The contract of a credential provider, as tests. It answers completely or rejects with a coded error, shows
 * no secret, fetches changed values again, and can be aborted.
 *
 * @param suite - the situations
 *
 * @example
 * ```ts
 * describeCredentialProvider({
 *   name: "keyring",
 *   framework: { describe, it },
 *   ready: () => ({ provider: keyring({ entry: "cachix" }), values: { CACHIX_AUTH_TOKEN: "canary-1" } }),
 *   failures: [
 *     { situation: "when there is no entry", code: "ERR_CREDENTIAL_NOT_FOUND", arrange: () => keyring({ entry: "no" }) },
 *   ],
 * });
 * ```
 *
 * @public
 */
export function describeCredentialProvider(suite: CredentialProviderSuite): void {
  const { describe, it } = suite.framework;
  describe(`credential provider ${suite.name}`, () => {
    it("answers with every value, wrapped in a Secret", async () => {
      const { provider, values } = await suite.ready();
      assert.ok(Object.keys(values).length > 0, "the suite expects no values, so it proves nothing");
      await assertAnswers(provider, values);
    });
    it("answers the same again", async () => {
      const { provider, values } = await suite.ready();
      await assertAnswers(provider, values);
      await assertAnswers(provider, values);
    });
    it("shows no secret in its answer", async () => {
      const { provider, values } = await suite.ready();
      assertHidden(await provider(), Object.values(values));
    });
    for (const failure of suite.failures) {
      it(`rejects with ${failure.code} ${failure.situation}, and shows no secret`, async () => {
        const { values } = await suite.ready();
        await assertFails(failure, Object.values(values));
      });
    }
    defineOptional(suite);
  });
}

function defineOptional({ rotated, slow, framework: { it } }: CredentialProviderSuite): void {
  if (rotated !== undefined) {
    it("answers with new values after the source has changed", async () => {
      const { provider, values, rotate } = await rotated();
      await assertAnswers(provider, values);
      const next = await rotate();
      await assertAnswers(provider, next);
    });
  }
  if (slow === undefined) return;
  it("waits until it is aborted, and then ends with the signal's reason", async () => {
    const provider = await slow();
    const controller = new AbortController();
    const reason = new Error("aborted by the test");
    const answer = provider({ signal: controller.signal }).then(
      () => "answered",
      (error: unknown) => error,
    );
    assert.equal(await Promise.race([answer, setTimeout(100, "pending")]), "pending");
    controller.abort(reason);
    assert.equal(await Promise.race([answer, setTimeout(5_000, "pending")]), reason);
  });
}

async function assertAnswers(
  provider: CredentialProvider,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const { env, expiration } = await provider({ forceRefresh: true });
  for (const value of env.values()) assert.ok(value instanceof Secret, "a value is not a Secret");
  const exposed = [...env].map(([name, secret]) => [name, secret.expose()] as const);
  assert.deepEqual(Object.fromEntries(exposed), values);
  if (expiration !== undefined) assert.ok(!Number.isNaN(expiration.getTime()), "the expiration is no date");
}

async function assertFails(failure: FailingProvider, secrets: readonly string[]): Promise<void> {
  const { arrange, code, canaries = [] } = failure;
  const provider = await arrange();
  await assert.rejects(provider(), (error) => {
    assert.ok(error instanceof CredentialError, `rejected with ${String(error)}`);
    assert.equal(error.code, code);
    assert.equal(error.cause, undefined);
    assertHidden(error, [...canaries, ...secrets]);
    return true;
  });
}

function assertHidden(value: unknown, canaries: readonly string[]): void {
  const text = toVisibleText(value);
  for (const canary of canaries) assert.ok(!text.includes(canary), "a secret is visible");
}
