/** Nothing was sent, and what is wrong is on this side: nix may still push by itself. */
export class StagingError extends Error {
  override readonly name = "StagingError";
}
