/** Texts that are hard on a careless parser, each of about the size that is asked for. */
export interface HostileFamily {
  readonly name: string;
  readonly file: "server" | "repository";
  make(bytes: number): string;
}

const CACHE = 'cache_type = "cachix"\ndestination = "one"\ncredentials = "none"\n';

const fill = (bytes: number, head: string, piece: (index: number) => string, tail = ""): string => {
  const pieces = [head];
  for (let size = head.length, index = 0; size < bytes; index++) {
    const next = piece(index);
    size += next.length;
    pieces.push(next);
  }
  return `${pieces.join("")}${tail}`;
};

/** A valid file of many caches comes first; the others hold one problem, or one on every line. */
export const HOSTILE_FAMILIES: readonly HostileFamily[] = [
  {
    name: "valid caches",
    file: "server",
    make: (bytes) =>
      fill(bytes, "", (i) => `[[caches]]\nid = "c${i}"\n${CACHE}permissions = { allow_all = true }\n\n`),
  },
  {
    name: "caches with a warning each",
    file: "server",
    make: (bytes) => fill(bytes, "", (i) => `[[caches]]\nid = "c${i}"\n${CACHE}\n`),
  },
  {
    name: "unknown keys",
    file: "server",
    make: (bytes) => fill(bytes, "[[caches]]\n", (i) => `key-${i} = 1\n`),
  },
  {
    name: "wrong values in one list",
    file: "server",
    make: (bytes) => fill(bytes, "[[caches]]\ncredentials = { env = { vars = [", () => "1, ", "] } }"),
  },
  {
    name: "one long text",
    file: "server",
    make: (bytes) => fill(bytes, '[[caches]]\nid = "', () => "x".repeat(1024), '"'),
  },
  {
    name: "one long text of several lines",
    file: "server",
    make: (bytes) => fill(bytes, '[[caches]]\nid = """', () => `${"x ".repeat(512)}\n`, '"""'),
  },
  {
    name: "texts like credentials",
    file: "server",
    make: (bytes) =>
      fill(
        bytes,
        "[[caches]]\ncredentials = { env = { vars = [",
        () => '"-eyJ-eyJ-eyJ-eyJ-eyJ://a@", ',
        "] } }",
      ),
  },
  {
    name: "comments",
    file: "server",
    make: (bytes) => fill(bytes, "x = [[1],]\nsecurity = 1\n", () => "# x\n"),
  },
  {
    name: "dotted keys",
    file: "server",
    make: (bytes) => fill(bytes, "security = 1\nx", () => ".x", " = 1"),
  },
  {
    name: "arrays nested 400 deep",
    file: "server",
    make: (bytes) => fill(bytes, "security = 1\n", (i) => `x${i} = ${"[".repeat(400)}${"]".repeat(400)}\n`),
  },
  {
    name: "arrays in place of caches",
    file: "server",
    make: (bytes) => fill(bytes, "caches = [", () => "[],", "]"),
  },
  {
    name: "an open text at the end",
    file: "server",
    make: (bytes) => fill(bytes, "", (i) => `k${i} = 1\n`, 'x = "'),
  },
  {
    name: "wrong ids",
    file: "repository",
    make: (bytes) => fill(bytes, '{"jobs": {"a": {"caches": [', () => "1,", "1]}}}"),
  },
  {
    name: "wrong jobs",
    file: "repository",
    make: (bytes) => fill(bytes, '{"jobs": {', (i) => `"${i}":1,`, '"x":1}}'),
  },
  {
    name: "keys that stand twice",
    file: "repository",
    make: (bytes) => fill(bytes, '{"jobs": {', () => '"a":{},', '"a":{}}}'),
  },
  {
    name: "hooks with variables",
    file: "repository",
    make: (bytes) => fill(bytes, '{"post_build_hooks": ["', () => "env A=1 ", '"]}'),
  },
  {
    name: "one hook of many letters",
    file: "repository",
    make: (bytes) => fill(bytes, '{"post_build_hooks": ["', () => "a".repeat(64), '"]}'),
  },
  {
    name: "hooks with a cache each",
    file: "repository",
    make: (bytes) => fill(bytes, '{"post_build_hooks": [', (i) => `"cachix push c${i}",`, '""]}'),
  },
  {
    name: "hooks",
    file: "repository",
    make: (bytes) =>
      fill(bytes, '{"jobs": {', (i) => `"${i}":{"post_build_hooks":["cachix push a"]},`, '"x":{}}}'),
  },
  { name: "open brackets", file: "repository", make: (bytes) => fill(bytes, "", () => "[") },
  {
    name: "a long job name",
    file: "repository",
    make: (bytes) => fill(bytes, '{"jobs": {"', () => "k".repeat(64), '":{"caches":[1,2,3]}}}'),
  },
];
