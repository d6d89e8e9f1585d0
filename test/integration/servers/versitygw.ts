import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ExternalServer, startExternal } from "./external-server.ts";

/** The keys that the gateway takes. */
export const VERSITY_KEYS = { AWS_ACCESS_KEY_ID: "versity", AWS_SECRET_ACCESS_KEY: "canary-versity" };

/** Starts versitygw over a directory, with a bucket by the name `bucket`. */
export async function startVersitygw(): Promise<ExternalServer> {
  const directory = await mkdtemp(join(tmpdir(), "eka-ci-versitygw-"));
  const [root, sidecar] = [join(directory, "root"), join(directory, "sidecar")];
  for (const path of [join(root, "bucket"), sidecar]) await mkdir(path, { recursive: true });
  const server = await startExternal(
    "versitygw",
    (port) => ["--port", `127.0.0.1:${port}`, "--quiet", "posix", "--sidecar", sidecar, root],
    { ROOT_ACCESS_KEY: VERSITY_KEYS.AWS_ACCESS_KEY_ID, ROOT_SECRET_KEY: VERSITY_KEYS.AWS_SECRET_ACCESS_KEY },
  );
  return {
    url: server.url,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
