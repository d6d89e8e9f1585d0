import { expect } from "vitest";
import { parseNarinfo } from "../../src/binary-cache/narinfo.ts";

/** Every narinfo of a cache has its NAR, whole, and the narinfos of all that it refers to. */
export function checkConsistency(objects: ReadonlyMap<string, Buffer>): void {
  for (const [key, object] of objects) {
    if (!key.endsWith(".narinfo")) continue;
    const narinfo = parseNarinfo(object.toString());
    const size = /^FileSize: (\d+)$/mu.exec(object.toString())?.[1];
    expect(objects.get(`/${narinfo?.url}`)?.length).toBe(Number(size));
    for (const name of narinfo?.references ?? [])
      expect(objects.has(`/${name.slice(0, 32)}.narinfo`)).toBe(true);
  }
}
