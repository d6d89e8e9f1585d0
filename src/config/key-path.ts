/** Keys and indexes that lead to a value. */
export type KeyPath = readonly (string | number)[];

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
