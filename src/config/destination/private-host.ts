import type { BlockList } from "node:net";

// Special-purpose ranges of https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 twin
// that lead to this machine, its network or a cloud's metadata service. IPv4 addresses inside IPv6 are
// checked too.
const PRIVATE_RANGES: readonly (readonly [address: string, prefix: number, family: "ipv4" | "ipv6"])[] = [
  ["0.0.0.0", 8, "ipv4"],
  ["10.0.0.0", 8, "ipv4"],
  ["100.64.0.0", 10, "ipv4"],
  ["127.0.0.0", 8, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  ["172.16.0.0", 12, "ipv4"],
  ["192.0.0.0", 24, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  ["198.18.0.0", 15, "ipv4"],
  ["224.0.0.0", 3, "ipv4"],
  ["::", 96, "ipv6"],
  ["::ffff:0:0:0", 96, "ipv6"],
  ["64:ff9b::", 96, "ipv6"],
  ["64:ff9b:1::", 48, "ipv6"],
  ["2001::", 32, "ipv6"],
  ["2002::", 16, "ipv6"],
  ["fc00::", 7, "ipv6"],
  ["fe80::", 9, "ipv6"],
  ["ff00::", 8, "ipv6"],
];

let privateAddresses: BlockList | undefined;

/** Created when a destination is an address, which is rare. */
function listPrivateAddresses(): BlockList {
  const { BlockList } = process.getBuiltinModule("node:net");
  const list = new BlockList();
  for (const [address, prefix, family] of PRIVATE_RANGES) list.addSubnet(address, prefix, family);
  return list;
}

/**
 * Whether a host is private, loopback or link-local as written. Names are not resolved, because the push tool
 * would resolve them again, perhaps differently. Only names that always mean such a host are known here.
 *
 * @param host - a name or address as the WHATWG URL parser writes it, IPv6 without brackets
 */
export function isPrivateHost(host: string): boolean {
  const family = process.getBuiltinModule("node:net").isIP(host);
  if (family !== 0) {
    privateAddresses ??= listPrivateAddresses();
    return privateAddresses.check(host, family === 4 ? "ipv4" : "ipv6");
  }
  const name = host.toLowerCase().replace(/\.$/u, "");
  return (
    name === "localhost" ||
    name.endsWith(".localhost") ||
    name === "localhost.localdomain" ||
    name === "ip6-localhost" ||
    name === "ip6-loopback" ||
    name === "metadata" ||
    name === "metadata.google.internal"
  );
}
