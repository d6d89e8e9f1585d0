import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Takes what ssh takes, and runs the command here. */
const STAND_IN = `#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift 2
exec sh -c "$*"
`;

/** Puts a program called ssh into a directory, for a PATH, that runs commands on this machine. */
export async function writeSshStandIn(directory: string): Promise<void> {
  const path = join(directory, "ssh");
  await writeFile(path, STAND_IN);
  await chmod(path, 0o755);
}
