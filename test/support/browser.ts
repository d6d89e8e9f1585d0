import { execFileSync } from "node:child_process";
import { type Browser, chromium } from "playwright-core";

/** Starts the installed Chromium without a window. */
export function startBrowser(): Promise<Browser> {
  const executablePath = execFileSync("/bin/sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
  // In a container Chromium's own sandbox has no rights to build on.
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}
