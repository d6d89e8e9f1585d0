/**
 * The functions of a test framework that the conformance suites call: those of vitest, jest, mocha or
 * `node:test`.
 *
 * @public
 */
export interface TestFramework {
  /** Groups tests. */
  readonly describe: (name: string, define: () => void) => unknown;
  /** Defines a test; a rejection or exception fails it. */
  readonly it: (name: string, run: () => Promise<void>) => unknown;
}
