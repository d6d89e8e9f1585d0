import type { StoreParameter } from "../core/cache.ts";
import { hasNixSince, type NixVersion } from "./nix-version.ts";

const URL_FORM = /^(https?):\/\/(.+)$/u;

/**
 * Writes `endpoint` and `scheme` in the form that a version of Nix expects.
 *
 * Since 2.33, `endpoint=name:port` is a URL whose scheme is the name: the request is sent over plain HTTP,
 * with the session token, whatever `scheme` says. `endpoint=https://name:port` is read correctly. Up to 2.32
 * the endpoint has no scheme, and `scheme` counts. An unknown version gets the form with `https://`: it may
 * fail, but never sends unencrypted.
 */
export function writeEndpoint(
  parameters: readonly StoreParameter[],
  version: NixVersion | undefined,
): readonly StoreParameter[] {
  const written = parameters.find(({ name }) => name === "endpoint");
  if (written === undefined) return parameters;
  const ofParameter = parameters.find(({ name }) => name === "scheme")?.value ?? "https";
  const [, scheme = ofParameter, address = decodeURIComponent(written.value)] =
    URL_FORM.exec(decodeURIComponent(written.value)) ?? [];
  const isUrl = version === undefined || hasNixSince(version, 2, 33);
  const endpoint = isUrl ? `${scheme}://${address}` : address;
  const rewritten = parameters
    .filter(({ name }) => name !== "scheme")
    .map((parameter) =>
      parameter === written ? { name: "endpoint", value: encodeURI(endpoint) } : parameter,
    );
  return isUrl ? rewritten : [...rewritten, { name: "scheme", value: scheme }];
}
