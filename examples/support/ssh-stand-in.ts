import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Accepts the arguments of ssh, and runs the command here. */
const STAND_IN = `#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift 2
exec sh -c "$*"
`;

/** Writes a program `ssh` into a directory for a PATH, which runs commands on this machine. */
export async function writeSshStandIn(directory: string): Promise<void> {
  const path = join(directory, "ssh");
  await writeFile(path, STAND_IN);
  await chmod(path, 0o755);
}
