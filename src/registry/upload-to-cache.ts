import { openBinaryCache } from "../binary-cache/open-binary-cache.ts";
import type { CacheDefinition } from "../core/cache.ts";
import type { Credentials } from "../credentials/provider.ts";
import { findHostCertificates } from "../execution/certificates.ts";
import type { CommandProgress } from "../execution/nix-log.ts";
import { uploadDirectly } from "../upload/direct-upload.ts";
import type { UploadOutcome } from "../upload/upload-outcome.ts";
import { type PushContext, toRunOptions } from "./push-context.ts";
import type { DirectWay } from "./upload-way.ts";

/** Most requests at once. Over a network that answers after 60 ms, 128 were faster by a fifth, and 32 slower by a half. */
const MAX_REQUESTS = 64;
/** Most bytes of NARs that are staged together: more delays the first request, and less does not fill a fast link. */
const SHARE_BYTES = 256 * 1024 * 1024;

/** What is uploaded. */
export interface CacheUpload {
  readonly cache: CacheDefinition;
  readonly storePaths: readonly string[];
  readonly credentials: Credentials;
  readonly way: DirectWay;
  readonly context: PushContext;
  readonly onProgress: ((progress: CommandProgress) => void) | undefined;
}

/**
 * Uploads the closure of some paths to a cache, with the credentials of a push, which no child sees.
 *
 * @throws as {@link uploadDirectly}
 */
export async function uploadToCache(upload: CacheUpload): Promise<UploadOutcome> {
  const { cache, storePaths, credentials, way, context, onProgress } = upload;
  const { runtime, host, deadline } = context;
  const { clock, random, env } = runtime;
  using session = way.connect({ maxConnections: MAX_REQUESTS });
  const certificateAuthorities = findHostCertificates(env);
  const options = { session, clock, random, certificateAuthorities };
  const binaryCache = await openBinaryCache(way.destination, credentials.env, options);
  onProgress?.({ type: "started" });
  try {
    return await uploadDirectly({
      ...{ cache: binaryCache, storePaths, parameters: way.parameters, storeDirectory: host.storeDirectory },
      ...{ stagingParent: env["TMPDIR"] || "/tmp", shareBytes: SHARE_BYTES, maxRequests: MAX_REQUESTS },
      ...{ presence: context.presences.of(cache.id), random },
      ...{ requireSignature: cache.requireSignature, signal: deadline.signal, onProgress },
      toOptions: () => toRunOptions(context),
    });
  } finally {
    onProgress?.({ type: "finished" });
  }
}
