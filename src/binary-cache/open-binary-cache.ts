import { toHttpAccess } from "../commands/http-authorization.ts";
import { findRegion, toS3Variables } from "../commands/s3-credentials.ts";
import type { CacheDestination } from "../core/cache.ts";
import type { BinaryCache } from "./binary-cache.ts";
import type { CredentialVariables } from "./cache-credentials.ts";
import type { CacheTransportOptions } from "./cache-transport.ts";
import { HttpBinaryCache } from "./http-binary-cache.ts";

/**
 * Opens the binary cache at a destination.
 *
 * @param variables - the credentials
 * @throws {@link CommandError} `ERR_COMMAND_CREDENTIALS`
 */
export async function openBinaryCache(
  destination: CacheDestination,
  variables: CredentialVariables,
  options: CacheTransportOptions,
): Promise<BinaryCache> {
  if (destination.type !== "s3") {
    const access = toHttpAccess(destination, variables);
    if (access === undefined) throw new TypeError("Every destination but S3 is asked over HTTP");
    const toHeaders = (current: CredentialVariables) => toHttpAccess(destination, current)?.headers ?? {};
    return new HttpBinaryCache(access.baseUrl, toHeaders, options);
  }
  // The signer is loaded only if there is something to sign.
  const [{ S3BinaryCache }, { toS3Address }] = await Promise.all([
    import("./s3-binary-cache.ts"),
    import("./s3-address.ts"),
  ]);
  // An invalid key is reported before any request.
  toS3Variables(variables);
  return new S3BinaryCache(toS3Address(destination, findRegion(variables)), options);
}
