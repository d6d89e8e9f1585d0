import { fork } from "node:child_process";
import { once } from "node:events";

/** What the cache behind the link is told. */
export interface LinkOptions {
  readonly delayMs?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
  /** Forgets all objects. */
  readonly clear?: boolean | undefined;
}

/** A binary cache behind a link, in a process of its own. */
export interface Link extends Disposable {
  readonly port: number;
  /** Changes it, and tells how many requests there were since the last time. */
  set(options: LinkOptions): Promise<number>;
}

/** Starts a cache in memory that answers over HTTP, at `/KEY` as at `/BUCKET/KEY`. */
export async function startLink(): Promise<Link> {
  const child = fork(new URL("./link-server.ts", import.meta.url), { execArgv: ["--import", "tsx"] });
  const [{ port }] = await once(child, "message");
  return {
    port,
    set: async (options) => {
      const answered = once(child, "message");
      child.send(options);
      return (await answered)[0].requests;
    },
    [Symbol.dispose]: () => void child.kill(),
  };
}
