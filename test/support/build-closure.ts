import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { PrivateNixStore } from "../../examples/support/private-nix-store.ts";

const run = promisify(execFile);

async function build(store: PrivateNixStore, expression: string): Promise<readonly string[]> {
  const env = { ...store.env, HOME: store.env["TMPDIR"] };
  const options = ["--no-out-link", "--option", "substitute", "false", "--option", "builders", ""];
  // A long expression is no argument.
  const file = join(store.env["TMPDIR"] ?? "", `${randomUUID()}.nix`);
  await writeFile(file, expression);
  const buildWith = async (more: readonly string[]) =>
    (await run("nix-build", [...options, ...more, file], { env, maxBuffer: 1e8 })).stdout;
  // A newer Nix beside the installed one has no hook where it looks for one, and an old one has to have one.
  const stdout = await buildWith([]).catch(() => buildWith(["--option", "build-hook", ""]));
  return stdout.trim().split("\n");
}

const MAKE = (tag: string): string => `
  make = name: refs: builtins.derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" "echo '${tag} \${name} \${toString refs}' > $out" ];
  };`;

/** Builds a chain, and returns its end: each path refers to the one before. */
export async function buildChain(store: PrivateNixStore, tag: string, length: number): Promise<string> {
  const [end = ""] = await build(
    store,
    `let ${MAKE(tag)}
       chain = n: make "${tag}-\${toString n}" (if n == 0 then [] else [ (chain (n - 1)) ]);
     in chain ${length - 1}`,
  );
  return end;
}

/** Builds a path that refers to some others, however many. */
export async function buildOn(
  store: PrivateNixStore,
  name: string,
  references: readonly string[],
  randomBytes = 0,
): Promise<string> {
  const [path = ""] = await build(
    store,
    `builtins.derivation {
       name = "${name}";
       system = builtins.currentSystem;
       builder = "/bin/sh";
       passAsFile = [ "references" ];
       references = map builtins.storePath [ ${references.map((path) => `"${path}"`).join(" ")} ];
       args = [ "-c" "(echo ${name}; /bin/cat $referencesPath; /usr/bin/head -c ${randomBytes} /dev/urandom) > $out" ];
     }`,
  );
  return path;
}

/** Builds a path that refers to a derivation, and to some others. */
export async function buildOnDerivation(store: PrivateNixStore, tag: string): Promise<string> {
  const [path = ""] = await build(
    store,
    `let
       ${MAKE(tag)}
       derivation = make "dependency" [];
       leaves = builtins.genList (n: make "leaf-\${toString n}" []) 5;
     in make "root" (leaves ++ [ (builtins.unsafeDiscardOutputDependency derivation.drvPath) ])`,
  );
  return path;
}

/** Builds paths with names of their own and the same content. */
export function buildEqual(store: PrivateNixStore, tag: string, count: number): Promise<readonly string[]> {
  return build(
    store,
    `builtins.genList (n: builtins.derivation {
       name = "${tag}-\${toString n}";
       system = builtins.currentSystem;
       builder = "/bin/sh";
       args = [ "-c" "echo '${tag}' > $out" ];
     }) ${count}`,
  );
}

/** Builds a path that refers to so many others. */
export async function buildWide(
  store: PrivateNixStore,
  tag: string,
  width: number,
  rootName = "root",
): Promise<string> {
  const [root = ""] = await build(
    store,
    `let ${MAKE(tag)}
       leaves = builtins.genList (n: make "${tag}-\${toString n}" []) ${width};
     in make "${tag}-${rootName}" leaves`,
  );
  return root;
}
