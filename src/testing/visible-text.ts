import { inspect } from "node:util";

/**
 * Everything that common ways of printing show of a value: templates, JSON and `util.inspect`, including
 * hidden members and `cause`. Tests search it for secrets.
 *
 * @param value - anything
 *
 * @example
 * ```ts
 * expect(toVisibleText(error)).not.toContain("canary-4f1d9c");
 * ```
 *
 * @public
 */
export function toVisibleText(value: unknown): string {
  const parts = [
    inspect(value),
    inspect(value, { depth: null, showHidden: true, getters: true }),
    toJson(value),
  ];
  if (typeof value !== "object" || value === null) return parts.join("\n");
  const own = Object.getOwnPropertyNames(value).map((name) =>
    inspect(Reflect.get(value, name), { depth: null }),
  );
  const error =
    value instanceof Error ? [value.message, String(value.stack), toVisibleText(value.cause)] : [];
  return [...parts, ...own, ...error].join("\n");
}

function toJson(value: unknown): string {
  const seen = new Set<unknown>();
  const text = JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === "bigint") return inner.toString();
    if (typeof inner !== "object" || inner === null) return inner;
    if (seen.has(inner)) return "[seen]";
    seen.add(inner);
    return inner instanceof Map ? [...inner] : inner;
  });
  return text ?? "";
}
