// A binary cache in a process of its own, so that it shares no processor time with what is measured. It
// prints its address.
import { BinaryCacheServer } from "../../examples/support/binary-cache-server.ts";

const server = await BinaryCacheServer.start();
process.stdout.write(`${server.url}\n`);
process.on("message", (message) => {
  if (message === "wipe") server.wipe();
  process.send?.(message);
});
