import { toHttpAccess } from "../commands/http-authorization.ts";
import { findRegion, toS3Variables } from "../commands/s3-credentials.ts";
import type { CacheDestination } from "../core/cache.ts";
import type { Secret } from "../core/secret.ts";
import type { BinaryCache } from "./binary-cache.ts";
import type { CacheTransportOptions } from "./cache-transport.ts";
import { HttpBinaryCache } from "./http-binary-cache.ts";

/**
 * Opens the binary cache at a destination, with the credentials of a push.
 *
 * @throws {@link CommandError} `ERR_COMMAND_CREDENTIALS`
 */
export async function openBinaryCache(
  destination: CacheDestination,
  env: ReadonlyMap<string, Secret>,
  options: CacheTransportOptions,
): Promise<BinaryCache> {
  if (destination.type !== "s3") {
    const access = toHttpAccess(destination, env);
    if (access === undefined) throw new TypeError("Every destination but S3 is asked over HTTP");
    return new HttpBinaryCache(access, options);
  }
  // The signer is loaded where there is something to sign.
  const [{ S3BinaryCache }, { toS3Address }] = await Promise.all([
    import("./s3-binary-cache.ts"),
    import("./s3-address.ts"),
  ]);
  const variables = toS3Variables(env);
  const [accessKeyId, secretAccessKey] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map((name) =>
    variables.get(name),
  );
  const keys =
    accessKeyId === undefined || secretAccessKey === undefined
      ? undefined
      : { accessKeyId, secretAccessKey, sessionToken: variables.get("AWS_SESSION_TOKEN") };
  return new S3BinaryCache(toS3Address(destination, findRegion(env)), keys, options);
}
