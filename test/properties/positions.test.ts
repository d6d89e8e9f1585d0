import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import * as toml from "toml";
import { type AST, parseTOML } from "toml-eslint-parser";
import { describe, expect, it } from "vitest";
import { parseJsonText } from "../../src/config/text/json-text.ts";
import type { Place, Span } from "../../src/config/text/place.ts";
import { parseTomlText } from "../../src/config/text/toml-text.ts";
import { CORPORA, itWithCorpora } from "../support/corpora.ts";
import { tomlDocument } from "../support/toml-document.ts";

type Path = readonly (string | number)[];
interface Found {
  readonly path: Path;
  readonly place: Place;
}

const collect = (place: Place, path: Path = []): Found[] => [
  { path, place },
  ...[...place.members].flatMap(([step, member]) => collect(member, [...path, step])),
];

const placesOf = (parsed: ReturnType<typeof parseTomlText>): Found[] => {
  if (!parsed.success) throw new Error(`not parsed: ${parsed.problem.code}`);
  return collect(parsed.findPlaces().root);
};

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce((inner, step) => (inner as Record<string | number, unknown>)[step], value);

const slice = (text: string, span: Span): string => text.slice(span.start, span.end);

/** What an independent parser says of where values and their keys stand. */
const independentView = (
  text: string,
): Map<string, { value: readonly number[]; key?: readonly number[] }> => {
  const bom = text.startsWith("\ufeff") ? 1 : 0;
  const shift = ([start, end]: readonly [number, number]) => [start + bom, end + bom];
  const view = new Map<string, { value: readonly number[]; key?: readonly number[] }>();
  const nameOf = (key: AST.TOMLBare | AST.TOMLQuoted) => (key.type === "TOMLBare" ? key.name : key.value);
  const addValue = (node: AST.TOMLContentNode, path: Path, key?: readonly number[]): void => {
    view.set(JSON.stringify(path), { value: shift(node.range), ...(key === undefined ? {} : { key }) });
    if (node.type === "TOMLArray")
      for (const [index, item] of node.elements.entries()) addValue(item, [...path, index]);
    if (node.type === "TOMLInlineTable") for (const entry of node.body) addEntry(entry, path);
  };
  const addEntry = ({ key, value }: AST.TOMLKeyValue, path: Path): void => {
    const last = key.keys.at(-1);
    addValue(value, [...path, ...key.keys.map(nameOf)], last && shift(last.range));
  };
  for (const node of parseTOML(text.slice(bom), { tomlVersion: "1.1" }).body[0].body) {
    if (node.type === "TOMLKeyValue") addEntry(node, []);
    else for (const entry of node.body) addEntry(entry, node.resolvedKey);
  }
  return view;
};

const expectIndependentView = (text: string): void => {
  const found = new Map(
    placesOf(parseTomlText(text)).flatMap(({ path, place: { key, value } }) =>
      value === undefined
        ? []
        : [
            [
              JSON.stringify(path),
              {
                value: [value.start, value.end],
                ...(key === undefined ? {} : { key: [key.start, key.end] }),
              },
            ] as const,
          ],
    ),
  );
  expect(found).toEqual(independentView(text));
};

/**
 * Every value, read alone, is what the parser found at its path; every key, read alone, is the last of its
 * path.
 */
const expectParsersView = (text: string): number => {
  const whole: unknown = toml.parse(text);
  const places = placesOf(parseTomlText(text));
  for (const { path, place } of places) {
    if (place.value !== undefined)
      expect((toml.parse(`x = ${slice(text, place.value)}`) as { x: unknown }).x).toEqual(
        valueAt(whole, path),
      );
    if (place.key !== undefined) {
      const name = path.findLast((step) => typeof step === "string");
      expect(Object.keys(toml.parse(`${slice(text, place.key)} = 0`) as object)).toEqual([name]);
    }
    if (place.value === undefined && path.length > 0) expect(place.key).toBeDefined();
  }
  return places.length;
};

const FIXTURES = new URL("../fixtures/config/server/", import.meta.url);
const CORPUS = new URL("toml-test/tests/", CORPORA);

describe("places in TOML", () => {
  it.each(readdirSync(FIXTURES))("agree with both parsers in %s", (name) => {
    const text = readFileSync(new URL(name, FIXTURES), "utf8");
    expect(expectParsersView(text)).toBeGreaterThan(3);
    expectIndependentView(text);
  });

  it("agree with both parsers in any document", () => {
    fc.assert(
      fc.property(tomlDocument, (text) => {
        expectParsersView(text);
        expectIndependentView(text);
      }),
      { numRuns: 500 },
    );
  });

  itWithCorpora("agree with both parsers in the valid texts of toml-test", () => {
    const names = readFileSync(new URL("files-toml-1.1.0", CORPUS), "utf8").split("\n");
    const texts = names
      .filter((name) => name.startsWith("valid/") && name.endsWith(".toml"))
      .map((name) => readFileSync(new URL(name, CORPUS), "utf8"))
      .filter((text) => parseTomlText(text).success);
    expect(texts.length).toBeGreaterThan(200);
    for (const text of texts) {
      expectParsersView(text);
      expectIndependentView(text);
    }
  });
});

describe("places in JSON", () => {
  it("agree with JSON.parse in any document", () => {
    const document = fc.tuple(
      fc.jsonValue({ maxDepth: 5, stringUnit: "binary" }),
      fc.constantFrom(undefined, 1, "\t"),
      fc.constantFrom("", "\ufeff"),
      fc.boolean(),
    );
    fc.assert(
      fc.property(document, ([value, indent, bom, isCrlf]) => {
        const json = `${bom}${JSON.stringify(value, undefined, indent)}`;
        const text = isCrlf ? json.replaceAll("\n", "\r\n") : json;
        const parsed = parseJsonText(text, 32);
        const whole: unknown = JSON.parse(text.replace(/^\ufeff/u, ""));
        for (const { path, place } of placesOf(parsed)) {
          expect(place.value && JSON.parse(slice(text, place.value))).toEqual(valueAt(whole, path));
          if (place.key !== undefined) expect(JSON.parse(slice(text, place.key))).toBe(path.at(-1));
          else expect(typeof path.at(-1)).not.toBe("string");
        }
      }),
      { numRuns: 1000 },
    );
  });
});
