import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A key that signs paths. */
export interface StoreKey {
  /** `name:` and 64 bytes in base 64. */
  readonly secret: string;
  /** `name:` and 32 bytes in base 64. */
  readonly pub: string;
  /** The file with the secret. */
  readonly secretFile: string;
}

/**
 * A private Nix store in a temporary directory. It needs no daemon and no privileges, and the machine's store
 * stays clean.
 */
export class PrivateNixStore implements AsyncDisposable {
  /** The variables that lead Nix to this store. */
  readonly env: Readonly<Record<string, string>>;
  readonly #directory: string;

  private constructor(directory: string, path: string) {
    this.#directory = directory;
    this.env = {
      PATH: path,
      NIX_REMOTE: "local",
      NIX_STORE_DIR: join(directory, "store"),
      NIX_STATE_DIR: join(directory, "state"),
      NIX_LOG_DIR: join(directory, "log"),
      NIX_CONF_DIR: join(directory, "conf"),
      TMPDIR: join(directory, "tmp"),
    };
  }

  /** The version of the installed Nix, or nothing if there is none. */
  static async findNix(): Promise<string | undefined> {
    try {
      return (await run("nix", ["--version"])).stdout.trim();
    } catch {
      return undefined;
    }
  }

  /** Creates an empty store, with the Nix on a search path. */
  static async create(path = process.env["PATH"] ?? ""): Promise<PrivateNixStore> {
    const store = new PrivateNixStore(await realpath(await mkdtemp(join(tmpdir(), "eka-ci-store-"))), path);
    await Promise.all(["conf", "tmp", "home"].map((name) => mkdir(join(store.#directory, name))));
    // Root would need build users for this store otherwise.
    await writeFile(join(store.#directory, "conf", "nix.conf"), "build-users-group =\nsandbox = false\n");
    return store;
  }

  /** Adds a file with some content, and returns its store path. */
  async add(name: string, content: string | Uint8Array): Promise<string> {
    const file = join(this.#directory, "tmp", name);
    await writeFile(file, content);
    const env = { ...this.env, HOME: join(this.#directory, "home") };
    return (await run("nix-store", ["--add", file], { env })).stdout.trim();
  }

  /** Adds many small files at once, and returns their store paths in order. */
  async addMany(prefix: string, count: number): Promise<readonly string[]> {
    const files = Array.from({ length: count }, (_file, index) =>
      join(this.#directory, "tmp", `${prefix}-${index}`),
    );
    await Promise.all(files.map((file) => writeFile(file, `content of ${file}`)));
    const env = { ...this.env, HOME: join(this.#directory, "home") };
    return (await run("nix-store", ["--add", ...files], { env })).stdout.trim().split("\n");
  }

  /** Creates a key that signs paths. */
  async generateKey(keyName: string): Promise<StoreKey> {
    const secretFile = join(this.#directory, "tmp", `${keyName}.secret`);
    const publicFile = join(this.#directory, "tmp", `${keyName}.public`);
    const env = { ...this.env, HOME: join(this.#directory, "home") };
    await run("nix-store", ["--generate-binary-cache-key", keyName, secretFile, publicFile], { env });
    const [secret, pub] = await Promise.all([readFile(secretFile, "utf8"), readFile(publicFile, "utf8")]);
    return { secret: secret.trim(), pub: pub.trim(), secretFile };
  }

  /** Signs a path with a new key of a name. */
  async sign(storePath: string, keyName: string): Promise<void> {
    const { secretFile } = await this.generateKey(keyName);
    const env = { ...this.env, HOME: join(this.#directory, "home") };
    const features = ["--extra-experimental-features", "nix-command"];
    await run("nix", [...features, "store", "sign", "--key-file", secretFile, storePath], { env });
  }

  /** Writes a file into Nix's configuration directory. */
  async configure(name: string, content: string): Promise<void> {
    await writeFile(join(this.#directory, "conf", name), content);
  }

  /** Removes a path from the store, as the garbage collector does. */
  async delete(storePath: string): Promise<void> {
    const env = { ...this.env, HOME: join(this.#directory, "home") };
    await run("nix-store", ["--delete", storePath], { env });
  }

  /** The content of the parent of private work directories. */
  async listWorkDirectories(): Promise<readonly string[]> {
    return (await readdir(join(this.#directory, "tmp"))).filter((name) => name.startsWith("eka-ci-caches-"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nix makes its store read-only.
    const store = join(this.#directory, "store");
    await chmod(store, 0o700).catch(() => undefined);
    for (const entry of await readdir(store, { withFileTypes: true }).catch(() => [])) {
      if (entry.isDirectory()) await chmod(join(store, entry.name), 0o700);
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}
