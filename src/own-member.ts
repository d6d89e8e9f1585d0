/** An object of unknown content. */
export type Members = Readonly<Record<string, unknown>>;

/** Reads an object's own member: what it inherits, as from a polluted prototype, does not count. */
export function readMember(object: Members, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
