import type { CommandSpec } from "../commands/command.ts";
import { Secret } from "../core/secret.ts";

/** The secrets in a command: those of its variables, and those in its private files. */
export function secretsOf(command: CommandSpec): readonly string[] {
  const values = [...command.env.values(), ...command.files.flatMap(({ secrets }) => secrets)];
  return values.flatMap((value) => (value instanceof Secret ? [value.expose()] : []));
}

/** The password of a URL, such as a proxy's, with or without a scheme: as written, and decoded. */
export function findPassword(value: string): readonly string[] {
  const url = /^[a-z][a-z0-9+.-]*:\/\//iu.test(value) ? value : `http://${value.replace(/^\/\//u, "")}`;
  const password = URL.canParse(url) ? new URL(url).password : "";
  return password === "" ? [] : [password, decode(password)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
