import type { Place } from "../config/text/place.ts";

/** What to do with a member: `keep` looks inside, a text replaces it. */
export type MemberEdit = "keep" | "remove" | { readonly replacement: string };

/**
 * Edits members of objects and leaves every other character as it is: order, spaces, numbers of any size.
 *
 * @param text - valid JSON
 * @param place - the place of an object in it
 * @param decide - what to do with the member at a path
 */
export function editJson(
  text: string,
  place: Place,
  decide: (path: readonly string[]) => MemberEdit,
  path: readonly string[] = [],
): string {
  const { start, end } = place.value ?? { start: 0, end: text.length };
  const members = [...place.members].map(([key, member]) => toMember(text, String(key), member));
  const [first] = members;
  if (first === undefined) return text.slice(start, end);
  const kept = members.flatMap((member, index) => {
    const at = [...path, member.key];
    const edit = decide(at);
    if (edit === "remove") return [];
    const written = edit === "keep" ? keepMember(text, member, decide, at) : edit.replacement;
    return [{ written, separator: text.slice(members[index - 1]?.end, member.start) }];
  });
  const body = kept.map(({ written, separator }, index) =>
    index === 0 ? written : `${separator}${written}`,
  );
  if (body.length === 0) return "{}";
  return `${text.slice(start, first.start)}${body.join("")}${text.slice(members.at(-1)?.end, end)}`;
}

interface Member {
  readonly key: string;
  readonly place: Place;
  readonly start: number;
  /** Where its value begins. */
  readonly valueStart: number;
  readonly end: number;
}

function toMember(text: string, key: string, place: Place): Member {
  const value = place.value ?? { start: text.length, end: text.length };
  return { key, place, start: place.key?.start ?? value.start, valueStart: value.start, end: value.end };
}

function keepMember(
  text: string,
  { place, start, valueStart, end }: Member,
  decide: (path: readonly string[]) => MemberEdit,
  path: readonly string[],
): string {
  if (text[valueStart] !== "{") return text.slice(start, end);
  return `${text.slice(start, valueStart)}${editJson(text, place, decide, path)}`;
}
