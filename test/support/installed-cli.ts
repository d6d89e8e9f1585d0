import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPeers, installTarball } from "../../scripts/install-tarball.ts";

/** How a run of the program ended. */
export interface CliOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How the program is run. */
export interface CliRunOptions {
  readonly node?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly input?: string | undefined;
}

/** The command line of the packed tarball, installed as an operator would. */
export class InstalledCli implements AsyncDisposable {
  /** Directory of the project that has installed it, which is HOME, too. */
  readonly directory: string;
  /** Directory of the installed package. */
  readonly packageDirectory: string;
  /** The program. */
  readonly bin: string;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(directory: string, packageDirectory: string, env: Readonly<Record<string, string>>) {
    this.directory = directory;
    this.packageDirectory = packageDirectory;
    this.bin = join(directory, "node_modules/.bin/eka-caches");
    this.#env = { PATH: process.env["PATH"] ?? "", HOME: directory, ...env };
  }

  /** Packs and installs. @param env - variables that every run has */
  static async install(env: Readonly<Record<string, string>> = {}): Promise<InstalledCli> {
    const { directory, packageDirectory } = await installTarball(
      await mkdtemp(join(tmpdir(), "eka-ci-cli-")),
      await findPeers(),
    );
    return new InstalledCli(directory, packageDirectory, env);
  }

  /** Runs the program to its end. */
  run(args: readonly string[], options: CliRunOptions = {}): Promise<CliOutcome> {
    const { node = process.execPath, env = {}, input = "" } = options;
    return new Promise((resolve) => {
      const child = execFile(
        node,
        ["--no-warnings", this.bin, ...args],
        { env: { ...this.#env, ...env } },
        (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
        },
      );
      child.stdin?.end(input);
    });
  }

  /** Starts the program, of which standard error is read. */
  start(args: readonly string[], { node = process.execPath, env = {} }: CliRunOptions = {}): ChildProcess {
    return spawn(node, ["--no-warnings", this.bin, ...args], {
      env: { ...this.#env, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
  }

  /** Writes a file into the project, and returns its path. */
  async toFile(name: string, text: string): Promise<string> {
    const path = join(this.directory, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.directory, { recursive: true, force: true });
  }
}
