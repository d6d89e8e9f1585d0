import { expect, it } from "vitest";
import { parseByteSize } from "../../src/core/byte-size.ts";

it.each<[text: string, bytes: number | undefined]>([
  ["1 B", 1],
  ["256 MiB", 268_435_456],
  ["2GB", 2_000_000_000],
  ["3 KiB", 3_072],
  ["8 TiB", 8_796_093_022_208],
  ["0 MiB", undefined],
  ["1.5 GiB", undefined],
  ["-1 MiB", undefined],
  ["10", undefined],
  ["10 mb", undefined],
  ["10  MiB", undefined],
  ["999999999 TiB", undefined],
  ["10 MiB\n", undefined],
])("the size %j is %s bytes", (text, bytes) => expect(parseByteSize(text)).toBe(bytes));
