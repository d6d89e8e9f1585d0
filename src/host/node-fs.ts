/**
 * `node:fs`, loaded when it is first used: naming it in an `import` costs every host that imports this
 * package.
 */
export function nodeFs(): typeof import("node:fs") {
  return process.getBuiltinModule("node:fs");
}
