import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createProcessExecutor } from "@eka-ci/caches";
import { describeExecutor } from "@eka-ci/caches/testing";
import { afterAll, beforeAll, describe, it } from "vitest";
import { SshExecutor } from "../../examples/support/ssh-executor.ts";
import { describeWith } from "../support/requirement.ts";
import { findFreePort } from "./servers/external-server.ts";

const canConnect = (args: readonly string[]): boolean => {
  try {
    execFileSync("ssh", [...args, "builder", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

describeWith("sshd", "an executor over ssh", () => {
  let directory = "";
  let server: ChildProcess | undefined;
  let sshArgs: readonly string[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "eka-ci-sshd-"));
    const at = (name: string): string => join(directory, name);
    for (const name of ["host", "user"])
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at(name)]);
    const port = await findFreePort();
    const serverConfig = [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${at("host")}`,
      `AuthorizedKeysFile ${at("user.pub")}`,
      "StrictModes no",
      "PidFile none",
      "PermitRootLogin yes",
    ];
    await writeFile(at("sshd_config"), `${serverConfig.join("\n")}\n`);
    const clientConfig = [
      "Host builder",
      "HostName 127.0.0.1",
      `Port ${port}`,
      `User ${userInfo().username}`,
      `IdentityFile ${at("user")}`,
      `UserKnownHostsFile ${at("known_hosts")}`,
      "StrictHostKeyChecking accept-new",
    ];
    await writeFile(at("ssh_config"), `${clientConfig.join("\n")}\n`);
    sshArgs = ["-F", at("ssh_config")];
    // Where sshd of root separates its privileges.
    if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true });
    server = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", at("sshd_config")], { stdio: "ignore" });
    for (let round = 0; round < 100 && !canConnect(sshArgs); round++) await sleep(100);
  }, 30_000);

  afterAll(async () => {
    server?.kill();
    await rm(directory, { recursive: true });
  });

  describeExecutor({
    name: "ssh",
    framework: { describe, it },
    create: () => new SshExecutor({ host: "builder", sshArgs, local: createProcessExecutor() }),
  });
});
