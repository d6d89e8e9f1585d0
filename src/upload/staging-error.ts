/** Nothing was sent, and the problem is on this side; Nix may still push by itself. */
export class StagingError extends Error {
  override readonly name = "StagingError";
}
