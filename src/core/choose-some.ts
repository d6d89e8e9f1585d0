/** Chooses some items at random, none twice. */
export function chooseSome<Item>(
  items: readonly Item[],
  count: number,
  fraction: () => number,
): readonly Item[] {
  const left = [...items];
  const chosen: Item[] = [];
  while (left.length > 0 && chosen.length < count)
    chosen.push(...left.splice(Math.floor(fraction() * left.length), 1));
  return chosen;
}
