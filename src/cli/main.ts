#!/usr/bin/env node
import { createApp } from "./app.ts";
import type { CliContext } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { proposeCompletions, run } from "./stricli.ts";
import { createUsageProcess } from "./usage-process.ts";

/** The reader of the output may stop early, as `| head` does; the command still finishes. */
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

const context: CliContext = {
  process: createUsageProcess(process, process.argv.includes("--json")),
  streams: process,
  readInput,
  onSignal: (signal, listener) => {
    process.on(signal, listener);
    return () => process.off(signal, listener);
  },
};

/** Read for `--version` alone: importing `node:fs` takes longer than what most commands do. */
async function readVersion(): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  const text = await readFile(new URL("../package.json", import.meta.url), "utf8");
  const manifest: { readonly version: string } = JSON.parse(text);
  return manifest.version;
}

const app = createApp(readVersion);
const [first, ...rest] = process.argv.slice(2);
if (first === "__complete")
  for (const { completion } of await proposeCompletions(app, rest, context))
    process.stdout.write(`${completion}\n`);
else {
  await run(app, process.argv.slice(2), context);
  // The parser has negative exit codes for a command line that it cannot read.
  if (Number(process.exitCode) < 0) process.exitCode = EXIT.usage;
}
