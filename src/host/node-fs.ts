/**
 * `node:fs`, loaded when it is first used, because an `import` would slow down every host that imports this
 * package.
 */
export function nodeFs(): typeof import("node:fs") {
  return process.getBuiltinModule("node:fs");
}
