import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MarkerWatch } from "../../src/execution/marker-watch.ts";
import { OutputTail } from "../../src/execution/output-tail.ts";

describe("the tail of the output", () => {
  it("keeps everything that fits", () => {
    const tail = new OutputTail(10);
    tail.push({ stream: "stdout", text: "abc" });
    tail.push({ stream: "stderr", text: "defg" });
    expect([tail.read("stdout"), tail.read("stderr"), tail.truncated]).toEqual(["abc", "defg", false]);
  });

  it("drops the oldest of both streams together", () => {
    const tail = new OutputTail(5);
    tail.push({ stream: "stdout", text: "abc" });
    tail.push({ stream: "stderr", text: "defg" });
    expect([tail.read("stdout"), tail.read("stderr"), tail.truncated]).toEqual(["c", "defg", true]);
  });

  it("cuts no character in two", () => {
    const tail = new OutputTail(4);
    tail.push({ stream: "stdout", text: "aéö€" });
    expect(tail.read("stdout")).toBe("€");
  });

  it("stays bounded for one huge piece and for many small ones", () => {
    const tail = new OutputTail(1_000);
    tail.push({ stream: "stdout", text: "x".repeat(1_000_000) });
    for (let round = 0; round < 10_000; round++) tail.push({ stream: "stdout", text: "y" });
    expect(tail.read("stdout")).toBe("y".repeat(1_000));
  });

  it("keeps the last whole characters of whatever comes, in whatever pieces", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "é", "€", "😀"), maxLength: 40 });
    const chunk = fc.record({ stream: fc.constantFrom("stdout", "stderr"), text });
    fc.assert(
      fc.property(
        fc.array(chunk, { maxLength: 60 }),
        fc.integer({ min: 1, max: 100 }),
        (chunks, maxBytes) => {
          const tail = new OutputTail(maxBytes);
          for (const pushed of chunks) tail.push(pushed);
          const kept = { stdout: "", stderr: "" };
          const characters = chunks.flatMap(({ stream, text }) =>
            [...text].map((unit) => ({ stream, unit })),
          );
          let left = maxBytes;
          for (const { stream, unit } of characters.toReversed()) {
            left -= Buffer.byteLength(unit);
            if (left >= 0) kept[stream] = unit + kept[stream];
            if (left <= 0) break;
          }
          const all = chunks.map(({ text }) => text).join("");
          expect({ stdout: tail.read("stdout"), stderr: tail.read("stderr") }).toEqual(kept);
          expect(tail.truncated).toBe(Buffer.byteLength(all) > maxBytes);
        },
      ),
    );
  });
});

describe("the watch for texts that mean failure", () => {
  it("finds one wherever the output is cut, on either stream", () => {
    const text = "warning: /nix/store/x is not valid, skipping\n";
    for (let cut = 0; cut <= text.length; cut++) {
      const watch = new MarkerWatch([", skipping"]);
      watch.push({ stream: "stderr", text: text.slice(0, cut) });
      watch.push({ stream: "stdout", text: "in between" });
      watch.push({ stream: "stderr", text: text.slice(cut) });
      expect(watch.seen).toBe(true);
    }
  });

  it("finds none that is not there", () => {
    const watch = new MarkerWatch([", skipping"]);
    watch.push({ stream: "stderr", text: ", skip" });
    watch.push({ stream: "stdout", text: "ping" });
    expect(watch.seen).toBe(false);
    const nothing = new MarkerWatch([]);
    nothing.push({ stream: "stderr", text: "x" });
    expect(nothing.seen).toBe(false);
  });
});
