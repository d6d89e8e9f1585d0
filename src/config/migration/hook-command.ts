import { splitShellScript } from "./shell-words.ts";

/** A command of a hook that pushes to a cache, taken apart. */
export type PushHook =
  | {
      readonly tool: "nix-copy";
      readonly destination: string;
      /** Options that a push by the SDK does not have, by name. */
      readonly dropped: readonly string[];
    }
  | { readonly tool: "cachix"; readonly name: string }
  | { readonly tool: "attic"; readonly server: string | undefined; readonly cache: string };

/** What a hook's command does: pushes, with what it sets in its environment; or why that cannot be told. */
export type RecognisedCommand =
  | {
      readonly success: true;
      readonly pushes: readonly PushHook[];
      readonly environment: ReadonlyMap<string, string>;
    }
  | { readonly success: false; readonly reason: string };

/**
 * Recognises `nix copy --to`, `cachix push` and `attic push`, also behind `env` and in simple shell scripts.
 *
 * @param command - argv, or the script of a shell
 * @param environment - the variables of the hook, for references in the command
 */
export function recogniseCommand(
  command: readonly string[] | string,
  environment: ReadonlyMap<string, string>,
): RecognisedCommand {
  const commands = typeof command === "string" ? splitShellScript(command) : unwrapShell(command);
  if (commands === undefined) return fail("it is a shell script that does more than run commands in a row");
  const variables = new Map(environment);
  const pushes: PushHook[] = [];
  for (const words of commands) {
    const push = recogniseOne(takeAssignments(words, variables), variables);
    if (typeof push === "string") return fail(push);
    if (push !== undefined) pushes.push(push);
  }
  if (pushes.length === 0) return fail("it runs neither nix copy --to, cachix push nor attic push");
  return { success: true, pushes, environment: variables };
}

function fail(reason: string): RecognisedCommand {
  return { success: false, reason };
}

function unwrapShell(argv: readonly string[]): ReturnType<typeof splitShellScript> {
  const [program = "", flags = "", script] = argv;
  const isShell = /^(?:ba|da|z|k)?sh$/u.test(baseName(program)) && /^-[a-z]*c$/u.test(flags);
  return isShell && script !== undefined ? splitShellScript(script) : [argv];
}

function baseName(program: string): string {
  return program.slice(program.lastIndexOf("/") + 1);
}

/** Takes `NAME=value` words, `env`, `export` and `exec` off the beginning. */
function takeAssignments(words: readonly string[], variables: Map<string, string>): readonly string[] {
  const [first = "", ...rest] = words;
  if (["env", "export", "exec"].includes(baseName(first))) return takeAssignments(rest, variables);
  const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=([\s\S]*)$/u.exec(first) ?? [];
  if (name === undefined || value === undefined) return words;
  variables.set(name, value);
  return takeAssignments(rest, variables);
}

/** Commands that push nothing and that a push by the SDK does not need. */
const IDLE = /^(?:set|echo|printf|true|:)$/u;

function recogniseOne(
  words: readonly string[],
  variables: ReadonlyMap<string, string>,
): PushHook | string | undefined {
  const [program = "", ...args] = words.map((word) => expand(word, variables));
  switch (baseName(program)) {
    case "nix":
      return recogniseNix(args);
    case "cachix":
      return recogniseCachix(args);
    case "attic":
      return recogniseAttic(args);
    default:
      return program === "" || IDLE.test(program) ? undefined : OTHER;
  }
}

const OTHER = "it runs another program than nix copy --to, cachix push or attic push";

function expand(word: string, variables: ReadonlyMap<string, string>): string {
  return word.replaceAll(
    /\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))/gu,
    (reference: string, braced: string | undefined, bare: string | undefined) =>
      variables.get(braced ?? bare ?? "") ?? reference,
  );
}

/** Options with one value or two; nix takes no `--option=value`. */
const NIX_OPTIONS: Readonly<Record<string, number>> = {
  "--to": 1,
  "--from": 1,
  "--option": 2,
  "--extra-experimental-features": 1,
  "--experimental-features": 1,
  "--log-format": 1,
  "--netrc-file": 1,
  "--max-jobs": 1,
  "-j": 1,
  "--include": 1,
  "-I": 1,
  "--store": 1,
};

function recogniseNix(args: readonly string[]): PushHook | string {
  const { options, positionals } = readOptions(args, NIX_OPTIONS);
  if (positionals[0] !== "copy") return OTHER;
  const destination = options.get("--to");
  if (destination === undefined) return "its nix copy names no --to";
  if (options.has("--from")) return "its nix copy reads from another store (--from)";
  const dropped = ["--all", "--no-recursive", "--netrc-file", "--store"].filter((name) => options.has(name));
  return { tool: "nix-copy", destination, dropped };
}

const CACHIX_OPTIONS: Readonly<Record<string, number>> = {
  "--config": 1,
  "-c": 1,
  "--hostname": 1,
  "-h": 1,
  "--compression-level": 1,
  "-l": 1,
  "--compression-method": 1,
  "-m": 1,
  "--jobs": 1,
  "-j": 1,
  "--chunk-size": 1,
  "-s": 1,
  "--num-concurrent-chunks": 1,
  "-n": 1,
};

function recogniseCachix(args: readonly string[]): PushHook | string {
  const { options, positionals } = readOptions(args, CACHIX_OPTIONS);
  const [subcommand, name] = positionals;
  if (subcommand !== "push") return "it runs another command of cachix than push";
  if (options.has("--hostname") || options.has("-h")) return "its cachix push names a server (--hostname)";
  return name === undefined ? "its cachix push names no cache" : { tool: "cachix", name };
}

function recogniseAttic(args: readonly string[]): PushHook | string {
  const { positionals } = readOptions(args, { "--jobs": 1, "-j": 1 });
  const [subcommand, reference = ""] = positionals;
  if (subcommand !== "push") return "it runs another command of attic than push";
  const [, server, cache] =
    /^(?:([A-Za-z0-9][A-Za-z0-9_+-]{0,49}):)?([A-Za-z0-9][A-Za-z0-9_+-]{0,49})$/u.exec(reference) ?? [];
  return cache === undefined ? "its attic push names no cache" : { tool: "attic", server, cache };
}

interface ReadOptions {
  /** The value of each option, the empty text for one without. */
  readonly options: ReadonlyMap<string, string>;
  readonly positionals: readonly string[];
}

function readOptions(args: readonly string[], arities: Readonly<Record<string, number>>): ReadOptions {
  const options = new Map<string, string>();
  const positionals: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (arg === "--") return { options, positionals: [...positionals, ...args.slice(index + 1)] };
    if (!arg.startsWith("-")) positionals.push(arg);
    else {
      const arity = Object.hasOwn(arities, arg) ? (arities[arg] ?? 0) : 0;
      options.set(arg, arity === 0 ? "" : (args[index + 1] ?? ""));
      index += arity;
    }
  }
  return { options, positionals };
}
