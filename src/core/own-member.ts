/** An object of unknown content. */
export type Members = Readonly<Record<string, unknown>>;

/** Whether a value has members that can be read. */
export function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null;
}

/**
 * Whether a value is an object with named members, such as a TOML table or a JSON object; not a list or a
 * date.
 */
export function isRecord(value: unknown): value is Members {
  return isObject(value) && !Array.isArray(value) && !(value instanceof Date);
}

/** An object without members, not even those of a polluted `Object.prototype`. */
const NO_MEMBERS: Members = Object.freeze(Object.create(null));

/** The members of a value; none if it is not an object. */
export function toMembers(value: unknown): Members {
  return isObject(value) ? value : NO_MEMBERS;
}

/** Reads an object's own member. Inherited members, such as those of a polluted prototype, do not count. */
export function readMember(object: Members, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
