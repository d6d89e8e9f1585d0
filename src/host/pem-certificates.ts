/**
 * Finds the certificates of a PEM text. A malformed one is left out, because it would hide those after it.
 */
export function findCertificates(text: string): readonly string[] {
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/gu) ?? [];
  return blocks.filter((block) => {
    try {
      return new X509Certificate(block).subject !== undefined;
    } catch {
      return false;
    }
  });
}
