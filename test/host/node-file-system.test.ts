import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNodeRuntime, type ErrorCodes } from "@eka-ci/caches";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const { files } = createNodeRuntime();
let directory = "";
const at = (name: string): string => join(directory, name);

beforeAll(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), "eka-ci-files-")));
  await writeFile(at("file"), "content", { mode: 0o640 });
  await chmod(at("file"), 0o640);
  await symlink(at("file"), at("link"));
  await symlink(at("nothing"), at("dangling"));
  await symlink(at("loop"), at("loop"));
  await mkdir(at("directory"));
  execFileSync("mkfifo", [at("fifo")]);
  await writeFile(at("script"), "#!/bin/sh\n", { mode: 0o755 });
});
afterAll(() => rm(directory, { recursive: true }));

describe("the files of the host", () => {
  it("are read with the status of what was read", async () => {
    const content = await files.read(at("file"), { maxBytes: 7 });
    expect(new TextDecoder().decode(content.bytes)).toBe("content");
    expect(content).toMatchObject({ kind: "file", mode: 0o640, uid: process.getuid?.() });
    expect(new TextDecoder().decode((await files.read(at("link"), { maxBytes: 7 })).bytes)).toBe("content");
  });

  it.each<[name: string, code: ErrorCodes["FileError"]]>([
    ["nothing", "ERR_FILE_NOT_FOUND"],
    ["file/below", "ERR_FILE_NOT_FOUND"],
    ["dangling", "ERR_FILE_NOT_FOUND"],
    ["loop", "ERR_FILE_NOT_REGULAR"],
    ["directory", "ERR_FILE_NOT_REGULAR"],
    ["fifo", "ERR_FILE_NOT_REGULAR"],
  ])("that are none (%s) are refused with %s, at once", async (name, code) => {
    await expect(files.read(at(name), { maxBytes: 100 })).rejects.toMatchObject({ name: "FileError", code });
  });

  it.each(["/dev/zero", "/dev/null", "/dev/tty"])("that are devices (%s) are refused", async (path) => {
    await expect(files.read(path, { maxBytes: 100 })).rejects.toMatchObject({ name: "FileError" });
  });

  it("in a directory are listed, as many as are asked for", async () => {
    const names = await files.list(directory, { maxEntries: 100 });
    expect([...names].sort()).toEqual(["dangling", "directory", "fifo", "file", "link", "loop", "script"]);
    expect(await files.list(at("directory"), { maxEntries: 0 })).toEqual([]);
    const tooMany = files.list(directory, { maxEntries: 6 });
    await expect(tooMany).rejects.toMatchObject({ code: "ERR_FILE_TOO_LARGE" });
    for (const name of ["nothing", "file"])
      await expect(files.list(at(name), { maxEntries: 9 })).rejects.toMatchObject({
        code: "ERR_FILE_NOT_FOUND",
      });
  });

  it("that are links are refused where they must not be followed", async () => {
    const read = files.read(at("link"), { maxBytes: 100, followSymbolicLink: false });
    await expect(read).rejects.toMatchObject({ code: "ERR_FILE_NOT_REGULAR" });
  });

  it("that are too large are refused, whatever their size claims", async () => {
    await expect(files.read(at("file"), { maxBytes: 6 })).rejects.toMatchObject({
      code: "ERR_FILE_TOO_LARGE",
    });
  });

  it("are never another file than the one whose status is told, though it is swapped", async () => {
    const [target, open, secret] = [at("swapped"), at("swap-open"), at("swap-secret")];
    await writeFile(open, "open", { mode: 0o644 });
    await writeFile(secret, "secret", { mode: 0o600 });
    await chmod(open, 0o644);
    await symlink(open, target);
    let swapping = true;
    const swap = (async () => {
      for (let round = 0; swapping; round++) {
        await symlink(round % 2 === 0 ? secret : open, `${target}.next`);
        await rename(`${target}.next`, target);
      }
    })();
    const seen = new Set<string>();
    for (let round = 0; round < 2_000; round++) {
      const { bytes, mode } = await files.read(target, { maxBytes: 100 });
      seen.add(`${new TextDecoder().decode(bytes)} ${mode.toString(8)}`);
    }
    swapping = false;
    await swap;
    expect([...seen].sort()).toEqual(["open 644", "secret 600"]);
  });

  it("tell what can be run", async () => {
    expect(await files.isExecutable(at("script"))).toBe(true);
    expect(await files.isExecutable(at("file"))).toBe(false);
    expect(await files.isExecutable(at("directory"))).toBe(false);
    expect(await files.isExecutable(at("nothing"))).toBe(false);
  });

  it("tell status and real path through links", async () => {
    expect(await files.realPath(at("link"))).toBe(at("file"));
    expect(await files.status(at("link"))).toMatchObject({ kind: "file" });
    expect(await files.status(at("directory"))).toMatchObject({ kind: "directory" });
    await expect(files.realPath(at("nothing"))).rejects.toMatchObject({ code: "ERR_FILE_NOT_FOUND" });
  });
});
