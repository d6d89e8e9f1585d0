const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

/** How a size is written: a whole number and its unit, as in `256 MiB` or `2 GB`. */
export const BYTE_SIZE: RegExp = /^(\d{1,9}) ?(B|[KMGT]i?B)$/u;

/** Reads a size in bytes; nothing for a text that says none, or none that a number can hold. */
export function parseByteSize(text: string): number | undefined {
  const [, count = "", unit = ""] = BYTE_SIZE.exec(text) ?? [];
  const bytes = Number(count) * (UNITS[unit] ?? 0);
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : undefined;
}
