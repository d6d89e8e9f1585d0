import { ATTIC_NAME } from "../config/destination/destination.ts";
import { splitShellScript } from "./shell-words.ts";

/** A parsed push command of a hook, with its variables. */
export type PushHook = PushTarget & { readonly environment: ReadonlyMap<string, string> };

/** Where a command pushes to. */
export type PushTarget =
  | {
      readonly tool: "nix-copy";
      readonly destination: string;
      /** Options that a push by the SDK does not have. */
      readonly dropped: ReadonlySet<string>;
    }
  | { readonly tool: "cachix"; readonly name: string }
  | { readonly tool: "attic"; readonly server: string | undefined; readonly cache: string };

/** What a hook's command does: where it pushes to, or why that is not known. */
export type RecognisedCommand =
  | { readonly success: true; readonly pushes: readonly PushHook[] }
  | { readonly success: false; readonly reason: string };

/**
 * Recognises `nix copy --to`, `cachix push` and `attic push`, also behind `env` and in simple shell scripts.
 * Variables are not expanded, because they may hold a credential. The operator must write a destination that
 * comes from a variable.
 *
 * @param command - argv, or the script of a shell
 * @param environment - the variables of the hook
 */
export function recogniseCommand(
  command: readonly string[] | string,
  environment: ReadonlyMap<string, string>,
): RecognisedCommand {
  const commands = typeof command === "string" ? splitShellScript(command) : unwrapShell(command);
  if (commands === undefined) return fail("it is a shell script that does more than run simple commands");
  const variables = new Map(environment);
  const pushes: PushHook[] = [];
  for (const words of commands) {
    const { own, exported, rest, isLast } = takeAssignments(words);
    for (const [name, value] of exported) variables.set(name, value);
    const target = recogniseOne(rest);
    if (typeof target === "string") return fail(target);
    if (target !== undefined) pushes.push({ ...target, environment: new Map([...variables, ...own]) });
    if (isLast) break;
  }
  if (pushes.length === 0) return fail("it runs neither nix copy --to, cachix push nor attic push");
  return { success: true, pushes };
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

interface Assignments {
  /** Variables for this command alone. */
  readonly own: readonly (readonly [string, string])[];
  /** Variables for the following commands: of `export`, or of a command with only assignments. */
  readonly exported: readonly (readonly [string, string])[];
  /** The command itself. */
  readonly rest: readonly string[];
  /** Whether it replaces the script (`exec`), so that nothing after it runs. */
  readonly isLast: boolean;
}

/** Removes `NAME=value` words, `env`, `export` and `exec` from the beginning. */
function takeAssignments(words: readonly string[]): Assignments {
  const own: (readonly [string, string])[] = [];
  const seen = new Set<string>();
  let index = 0;
  for (; index < words.length; index++) {
    const word = words[index] ?? "";
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=([\s\S]*)$/u.exec(word) ?? [];
    if (name !== undefined && value !== undefined) own.push([name, value]);
    else if (["env", "export", "exec"].includes(baseName(word))) seen.add(baseName(word));
    else break;
  }
  const rest = words.slice(index);
  const stays = seen.has("export") || (rest.length === 0 && !seen.has("env"));
  return { own, exported: stays ? own : [], rest: seen.has("export") ? [] : rest, isLast: seen.has("exec") };
}

/** Commands that push nothing and that a push by the SDK does not need. */
const IDLE = /^(?:set|echo|printf|true|:)$/u;

function recogniseOne(words: readonly string[]): PushTarget | string | undefined {
  const [program = "", ...args] = words;
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
const ODD_OPTION = "it has an unknown option";

/**
 * How many values an option takes. An unlisted option makes a hook untranslatable, because it could lead
 * elsewhere.
 */
const NIX_OPTIONS: Readonly<Record<string, number>> = {
  "--to": 1,
  "--from": 1,
  "--option": 2,
  "--extra-experimental-features": 1,
  "--experimental-features": 1,
  "--log-format": 1,
  "--netrc-file": 1,
  "--max-jobs": 1,
  "--all": 0,
  "--no-recursive": 0,
  "--no-check-sigs": 0,
  "--substitute-on-destination": 0,
  "--refresh": 0,
  "--verbose": 0,
  "--quiet": 0,
  "--print-build-logs": 0,
  "--keep-going": 0,
  "-j": 1,
  "-k": 0,
  "-L": 0,
  "-s": 0,
  "-v": 0,
};

function recogniseNix(args: readonly string[]): PushTarget | string {
  const read = readOptions(args, NIX_OPTIONS);
  if (read === undefined) return ODD_OPTION;
  const { options, positionals } = read;
  if (positionals[0] !== "copy") return OTHER;
  const destination = options.get("--to");
  if (destination === undefined) return "its nix copy names no --to";
  if (options.has("--from")) return "its nix copy reads from another store (--from)";
  const dropped = ["--all", "--no-recursive", "--netrc-file"].filter((name) => options.has(name));
  return { tool: "nix-copy", destination, dropped: new Set(dropped) };
}

const CACHIX_OPTIONS: Readonly<Record<string, number>> = {
  "--compression-level": 1,
  "--compression-method": 1,
  "--jobs": 1,
  "--chunk-size": 1,
  "--num-concurrent-chunks": 1,
  "--omit-deriver": 0,
  "--verbose": 0,
  "-l": 1,
  "-m": 1,
  "-j": 1,
  "-s": 1,
  "-n": 1,
  "-v": 0,
};

function recogniseCachix(args: readonly string[]): PushTarget | string {
  const read = readOptions(args, CACHIX_OPTIONS);
  if (read === undefined) return ODD_OPTION;
  const [subcommand, name] = read.positionals;
  if (subcommand !== "push") return "it runs a command of cachix other than push";
  return name === undefined ? "its cachix push names no cache" : { tool: "cachix", name };
}

const ATTIC_OPTIONS: Readonly<Record<string, number>> = {
  "--jobs": 1,
  "-j": 1,
  "--no-closure": 0,
  "--ignore-upstream-cache-filter": 0,
};

const ATTIC_REFERENCE = new RegExp(`^(?:(${ATTIC_NAME}):)?(${ATTIC_NAME})$`, "u");

function recogniseAttic(args: readonly string[]): PushTarget | string {
  const read = readOptions(args, ATTIC_OPTIONS);
  if (read === undefined) return ODD_OPTION;
  const [subcommand, reference = ""] = read.positionals;
  if (subcommand !== "push") return "it runs a command of attic other than push";
  const [, server, cache] = ATTIC_REFERENCE.exec(reference) ?? [];
  return cache === undefined ? "its attic push names no cache" : { tool: "attic", server, cache };
}

interface ReadOptions {
  /** The value of each option, the empty text for one without. */
  readonly options: ReadonlyMap<string, string>;
  readonly positionals: readonly string[];
}

/** Reads options in the forms `--name value` and `--name=value`; nothing if one is not known. */
function readOptions(
  args: readonly string[],
  arities: Readonly<Record<string, number>>,
): ReadOptions | undefined {
  const options = new Map<string, string>();
  const positionals: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (arg === "--") return { options, positionals: [...positionals, ...args.slice(index + 1)] };
    if (!arg.startsWith("-")) {
      positionals.push(arg);
      continue;
    }
    const [name = arg, value] = arg.startsWith("--") ? arg.split(/=(.*)/su) : [arg];
    const arity = Object.hasOwn(arities, name) ? arities[name] : undefined;
    if (arity === undefined || (value !== undefined && arity !== 1)) return undefined;
    options.set(name, value ?? (arity === 0 ? "" : (args[index + 1] ?? "")));
    if (value === undefined) index += arity;
  }
  return { options, positionals };
}
