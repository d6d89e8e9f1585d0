const ALPHABET = "0123456789abcdfghijklmnpqrsvwxyz";

/**
 * Reads Nix's base 32, which begins with the last bits (https://nix.dev/manual/nix/latest/protocols/nix32);
 * the text must be valid.
 */
export function fromNix32(digits: string, byteLength: number): Uint8Array {
  const bytes = new Uint8Array(byteLength);
  [...digits].reverse().forEach((digit, place) => {
    const value = ALPHABET.indexOf(digit);
    const [byte, shift] = [Math.floor((place * 5) / 8), (place * 5) % 8];
    bytes[byte] = (bytes[byte] ?? 0) | ((value << shift) & 0xff);
    if (byte + 1 < byteLength) bytes[byte + 1] = (bytes[byte + 1] ?? 0) | (value >> (8 - shift));
  });
  return bytes;
}

/** Writes Nix's base 32. */
export function toNix32(bytes: Uint8Array): string {
  const length = Math.ceil((bytes.length * 8) / 5);
  return Array.from({ length }, (_digit, index) => {
    const bit = (length - 1 - index) * 5;
    const [byte, shift] = [Math.floor(bit / 8), bit % 8];
    const value = ((bytes[byte] ?? 0) >> shift) | ((bytes[byte + 1] ?? 0) << (8 - shift));
    return ALPHABET[value & 0x1f];
  }).join("");
}
