import { openBinaryCache } from "../binary-cache/open-binary-cache.ts";
import type { SigningKey } from "../binary-cache/path-signature.ts";
import { SignatureRule } from "../binary-cache/signature-rule.ts";
import { collectClosure } from "../commands/closure.ts";
import type { CacheDefinition } from "../core/cache.ts";
import { findHostCertificates } from "../execution/certificates.ts";
import type { CommandProgress } from "../execution/nix-log.ts";
import { toStalled } from "../execution/run-error.ts";
import { StallWatch } from "../execution/stall-watch.ts";
import { uploadDirectly } from "../upload/direct-upload.ts";
import type { Stage } from "../upload/stage.ts";
import { StagingArea } from "../upload/staging-area.ts";
import { StagingError } from "../upload/staging-error.ts";
import type { UploadOutcome } from "../upload/upload-outcome.ts";
import { connectTo } from "./connect-to.ts";
import type { PathSource } from "./path-source.ts";
import { type PushContext, toRunOptions } from "./push-context.ts";
import type { PushCredentials } from "./push-credentials.ts";
import type { DirectWay } from "./upload-way.ts";

/**
 * Maximum number of concurrent requests. Over a network that answers after 60 ms, 64 were slower by a
 * quarter, and 32 by a half.
 */
const MAX_REQUESTS = 128;
/**
 * How many bytes of NARs are staged together. More delays the first request, and less does not fill a fast
 * link.
 */
const STAGING_BYTES = 256 * 1024 * 1024;

/** Where Linux has files in memory (https://man7.org/linux/man-pages/man7/shm_overview.7.html). */
const MEMORY = "/dev/shm";

/** What is uploaded. */
export interface CacheUpload {
  readonly cache: CacheDefinition;
  readonly storePaths: readonly string[];
  /** Paths of the closure that are left to upstream caches. */
  readonly upstream: ReadonlySet<string>;
  readonly credentials: PushCredentials;
  /** Signs what is sent. */
  readonly signingKey: SigningKey | undefined;
  readonly store: PathSource;
  readonly way: DirectWay;
  readonly context: PushContext;
  readonly onProgress: ((progress: CommandProgress) => void) | undefined;
}

/**
 * Uploads the closure of some paths to a cache with the credentials of a push. No child process gets them.
 *
 * @throws as {@link uploadDirectly}
 */
export async function uploadToCache(upload: CacheUpload): Promise<UploadOutcome> {
  const { cache, storePaths, credentials, store, way, context, onProgress } = upload;
  const { runtime, host, deadline } = context;
  const { clock, random, env } = runtime;
  const variables = credentials.current.env;
  using session = connectTo(
    { destination: way.destination, variables, maxConnections: MAX_REQUESTS },
    runtime,
  );
  if (session === undefined) throw new StagingError("Only nix can use the host's proxy");
  const certificateAuthorities = findHostCertificates(env);
  // Rules of the cache may have left out some paths of several requests.
  const closure = collectClosure(storePaths, await store.closure());
  using stall = new StallWatch(clock, context.stallTimeoutMs, deadline.signal);
  const onMove = context.stallTimeoutMs === undefined ? undefined : (): void => stall.move();
  const options = { session, clock, random, certificateAuthorities, credentials, onMove };
  const binaryCache = await openBinaryCache(way.destination, variables, options);
  const signal = stall.signal ?? deadline.signal;
  const hostSignal = stall.signal ?? deadline.hostSignal;
  await using stage = await openStage(upload, { signal, hostSignal, onMove });
  onProgress?.({ type: "started" });
  try {
    return await uploadDirectly({
      ...{
        cache: binaryCache,
        storePaths,
        closure,
        absent: store.absent,
        upstream: new Set([...upload.upstream].filter((path) => closure.has(path))),
        storeDirectory: host.storeDirectory,
        ...way.staging,
      },
      ...{ stage, maxRequests: MAX_REQUESTS },
      shareBytes: cache.stagingBytes ?? context.stagingBytes ?? STAGING_BYTES,
      ...{ presence: context.presences.of(cache.id), random },
      ...{ signatureRule: new SignatureRule(cache), signal, onProgress },
    });
  } catch (error) {
    throw stall.hasStalled ? toStalled("The upload", context.stallTimeoutMs) : error;
  } finally {
    onProgress?.({ type: "finished" });
  }
}

/** What aborts the work of a stage, and gets its progress. */
interface StageBounds {
  readonly signal: AbortSignal;
  /** What aborts a command besides its timeout. */
  readonly hostSignal: AbortSignal;
  readonly onMove: (() => void) | undefined;
}

/** Nix writes paths of this host into files. */
async function openStage(
  { store, signingKey, way, context }: CacheUpload,
  { signal, hostSignal, onMove }: StageBounds,
): Promise<Stage> {
  const { runtime, host } = context;
  const parents = { disk: runtime.env["TMPDIR"] || "/tmp", memory: MEMORY };
  if (store.openStage !== undefined) return store.openStage({ parents, signingKey, signal, onMove });
  const { parameters } = way.staging;
  return new StagingArea({
    ...{ parents, signingKey, parameters, storeDirectory: host.storeDirectory },
    toOptions: () => ({ ...toRunOptions(context), signal: hostSignal, onMove }),
  });
}
