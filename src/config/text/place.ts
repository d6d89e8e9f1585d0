/** A span of a text in UTF-16 units; `end` is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The place of a key and its value. */
export interface Place {
  /** The key, or the header of a table; absent for elements of an array and for the root. */
  readonly key?: Span | undefined;
  /** The value; absent for a table that headers or dotted keys define. */
  readonly value?: Span | undefined;
  /** Places inside the value, by key or index. */
  readonly members: ReadonlyMap<string | number, Place>;
}

/** A place while its text is being read. */
export interface GrowingPlace extends Place {
  key?: Span | undefined;
  value?: Span | undefined;
  members: ReadonlyMap<string | number, GrowingPlace>;
}

/** All places of a text. */
export interface TextPlaces {
  /** The whole text's value. */
  readonly root: Place;
  /** The end of each key, by its start, so that an excerpt can distinguish keys from values. */
  readonly keyEnds: ReadonlyMap<number, number>;
}

const NO_MEMBERS: ReadonlyMap<string | number, GrowingPlace> = new Map();

/**
 * Creates the place of a value without members. Most have none, and share an empty map that is never changed.
 */
export function leafPlace(value: Span): GrowingPlace {
  return { value, members: NO_MEMBERS };
}

/**
 * Creates the place of a table that headers or dotted keys define. It may stay empty, and a hostile text has
 * many of them.
 */
export function tablePlace(key: Span): GrowingPlace {
  return { key, members: NO_MEMBERS };
}

/** Adds a place inside another. */
export function addMember(place: GrowingPlace, key: string | number, member: GrowingPlace): void {
  const members = place.members === NO_MEMBERS ? new Map<string | number, GrowingPlace>() : place.members;
  (members as Map<string | number, GrowingPlace>).set(key, member);
  place.members = members;
}

/** Which part of an entry a problem is about. */
export type PlacePart = "key" | "value";

/**
 * Finds the span of a path. If the path leads nowhere, as for a missing key, it is the span of the nearest
 * table around it: its key, or its value if it has no key (an element of an array).
 */
export function findSpan(root: Place, path: readonly (string | number)[], part: PlacePart): Span | undefined {
  let place = root;
  let named: Span | undefined;
  for (const step of path) {
    const next = place.members.get(step);
    if (next === undefined) return place.key ?? place.value ?? named;
    named = place.key ?? named;
    place = next;
  }
  return (part === "key" ? (place.key ?? place.value) : (place.value ?? place.key)) ?? named;
}
