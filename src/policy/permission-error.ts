import type { ErrorCodes } from "../core/error-codes.ts";
import { CachesError, nameErrors } from "../core/errors.ts";
import { type AllowDecision, type Decision, type DenyDecision, explainDecision } from "./decision.ts";

/**
 * A push is not allowed, or a pattern or ref is outside the grammar.
 *
 * @example
 * ```ts
 * if (error instanceof PermissionError) show(error.decision?.reason);
 * ```
 *
 * @public
 */
export class PermissionError extends CachesError<ErrorCodes["PermissionError"]> {
  declare readonly name: "PermissionError";
  static {
    nameErrors(PermissionError, "PermissionError");
  }

  /** The decision that denied the push; with `ERR_PERMISSION_DENIED`. */
  readonly decision?: DenyDecision | undefined;

  /**
   * @param code - what went wrong
   * @param message - text for people
   * @param decision - the decision behind `ERR_PERMISSION_DENIED`
   */
  constructor(code: ErrorCodes["PermissionError"], message: string, decision?: DenyDecision) {
    super(code, message);
    this.decision = decision;
  }
}

/**
 * Throws if a decision denies, for hosts that prefer exceptions.
 *
 * @param decision - any decision
 * @throws {@link PermissionError} `ERR_PERMISSION_DENIED` if the decision denies
 *
 * @example
 * ```ts
 * assertAllowed(registry.authorize("prod-cache", request));
 * ```
 *
 * @public
 */
export function assertAllowed(decision: Decision): asserts decision is AllowDecision {
  if (decision.effect === "allow") return;
  throw new PermissionError("ERR_PERMISSION_DENIED", explainDecision(decision), decision);
}
