import { readFile } from "node:fs/promises";
import type { CliContext } from "../cli-context.ts";
import { EXIT } from "../exit-codes.ts";
import { runCommand } from "../run-command.ts";

const FILES = { server: "ekaci.json", repository: "repository.json" } as const;

export async function schema(this: CliContext, _flags: object, which: keyof typeof FILES): Promise<void> {
  await runCommand(this, { json: false }, async (output) => {
    const text = await readFile(new URL(`../schema/${FILES[which]}`, import.meta.url), "utf8");
    output.print(text.trimEnd());
    return EXIT.ok;
  });
}
