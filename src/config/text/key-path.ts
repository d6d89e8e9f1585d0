/** Keys and indexes that lead to a value. */
export type KeyPath = readonly (string | number)[];

/** A text that identifies a path in sets. A long key is represented by its beginning and length. */
export function toPathId(path: KeyPath): string {
  const parts = path.map((key) => (typeof key === "string" ? shorten(key) : String(key)));
  return parts.join("\u0000");
}

function shorten(key: string): string {
  return key.length <= 64 ? `"${key}` : `"${key.slice(0, 64)}"${key.length}`;
}

/** A key path that shares its beginning with others, for walks over many values. */
export interface LinkedPath {
  readonly step: string | number;
  readonly parent: LinkedPath | undefined;
}

/** Writes a linked path out. */
export function toKeyPath(last: LinkedPath | undefined): KeyPath {
  const path: (string | number)[] = [];
  for (let at = last; at !== undefined; at = at.parent) path.push(at.step);
  return path.reverse();
}
