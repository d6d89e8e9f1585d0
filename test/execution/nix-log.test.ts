import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CommandProgress, NixLogReader } from "../../src/execution/nix-log.ts";

// Captured from nix 2.8 (one path of 128 bytes to an HTTP cache), shortened; ids beyond 2^53 as large process
// ids make them.
const ID = "9223090561878065";
const LOG = [
  `@nix {"action":"start","id":${ID}10,"level":0,"text":"","type":103}`,
  `@nix {"action":"result","fields":[100,256],"id":${ID}10,"type":106}`,
  `@nix {"action":"result","fields":[0,2,1,0],"id":${ID}10,"type":105}`,
  `@nix {"action":"start","fields":["/nix/store/x-p0","local","http://h"],"id":${ID}11,"level":3,"parent":${ID}10,"text":"copying path '/nix/store/x-p0' to 'http://h'","type":100}`,
  `@nix {"action":"start","fields":["/nix/store/x-p1","local","http://h"],"id":${ID}12,"level":3,"text":"copying path '/nix/store/x-p1' to 'http://h'","type":100}`,
  `@nix {"action":"result","fields":[128,128,0,0],"id":${ID}11,"type":105}`,
  `@nix {"action":"result","fields":[128,128,0,0],"id":${ID}11,"type":105}`,
  `@nix {"action":"stop","id":${ID}11}`,
  `@nix {"action":"result","fields":[64,128,0,0],"id":${ID}12,"type":105}`,
  `@nix {"action":"result","fields":[1,2,1,0],"id":${ID}10,"type":105}`,
  `@nix {"action":"msg","level":0,"msg":"\\u001b[31;1merror:\\u001b[0m unable to upload '\\u001b[35;1mhttp://h/x\\u001b[0m'","raw_msg":"x"}`,
  "a line of its own",
  '@nix {"broken',
];

const read = (pieces: readonly string[]) => {
  let text = "";
  const progress: CommandProgress[] = [];
  let moves = 0;
  const reader = new NixLogReader({
    onText: (more) => (text += more),
    onProgress: (step) => progress.push(step),
    onMove: () => moves++,
  });
  for (const piece of pieces) reader.push(piece);
  reader.end();
  return { lines: text.split("\n").slice(0, -1), progress, moves };
};

describe("nix's log for programs", () => {
  const whole = read([LOG.join("\n")]);

  it("becomes lines for people", () => {
    expect(whole.lines).toEqual([
      "copying path '/nix/store/x-p0' to 'http://h'...",
      "copying path '/nix/store/x-p1' to 'http://h'...",
      "error: unable to upload 'http://h/x'",
      "a line of its own",
      '@nix {"broken',
    ]);
  });

  it("becomes progress in paths and bytes, with ids that numbers cannot tell apart", () => {
    expect(Number(`${ID}10`)).toBe(Number(`${ID}11`));
    expect(whole.progress).toEqual([
      { type: "bytes", done: 0, expected: 256 },
      { type: "paths", done: 0, expected: 2 },
      { type: "bytes", done: 128, expected: 256 },
      { type: "bytes", done: 192, expected: 256 },
      { type: "paths", done: 1, expected: 2 },
    ]);
  });

  it("is counted where nix counts nothing, as 2.8 does", () => {
    const start = (id: number, type: number, text: string) =>
      `@nix {"action":"start","id":${id},"level":3,"text":"${text}","type":${type}}`;
    const log = [
      start(1, 103, "copying 2 paths"),
      start(2, 100, "copying path"),
      start(3, 100, "copying path"),
      '@nix {"action":"stop","id":3}',
      '@nix {"action":"stop","id":2}',
      '@nix {"action":"stop","id":1}',
    ];
    expect(read([log.join("\n")]).progress).toEqual(
      [0, 1, 2].map((done) => ({ type: "paths", done, expected: 2 })),
    );
  });

  it("does not take the same numbers again for a move", () => {
    expect(whole.moves).toBe(LOG.length - 1);
  });

  it("is read wherever it is cut", () => {
    const text = LOG.join("\n");
    fc.assert(
      fc.property(fc.array(fc.nat({ max: text.length }), { maxLength: 20 }), (cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), text.length];
        expect(read(edges.slice(1).map((end, index) => text.slice(edges[index], end)))).toEqual(whole);
      }),
    );
  });

  it("of activities without end is survived in bounded memory", () => {
    const reader = new NixLogReader({ onText: () => {}, onProgress: () => {}, onMove: () => {} });
    const before = process.memoryUsage().heapUsed;
    const padding = "x".repeat(500);
    for (let id = 0; id < 200_000; id++) {
      reader.push(`@nix {"action":"start","id":${id},"level":7,"text":"","type":100}\n`);
      reader.push(`@nix {"action":"result","fields":[${id},9,"${padding}"],"id":${id},"type":105}\n`);
      reader.push(`@nix {"action":"start","id":"${padding}${id}","level":7,"text":"","type":100}\n`);
    }
    globalThis.gc?.();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60 * 1024 * 1024);
  });

  it("of one endless line is passed on in bounded memory", () => {
    let length = 0;
    const reader = new NixLogReader({
      onText: (text) => (length += text.length),
      onProgress: () => {},
      onMove: () => {},
    });
    for (let piece = 0; piece < 100; piece++) reader.push("x".repeat(65_536));
    expect(length).toBe(6_553_600);
    reader.push(`\n@nix {"action":"msg","level":0,"msg":"next"}\n`);
    expect(length).toBe(6_553_600 + "\nnext\n".length);
  });

  it("of any bytes is survived", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string({ unit: "binary" }),
            fc.jsonValue().map((value) => `@nix ${JSON.stringify(value)}\n`),
          ),
        ),
        (pieces) => {
          read(pieces);
        },
      ),
    );
  });
});
