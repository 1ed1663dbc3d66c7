import { BlockList, isIPv4, isIPv6 } from "node:net"

/** Which addresses are reachable by everybody, after the special-purpose registries of IANA. Pure. */

const specialIpv4 = new BlockList()
for (const [network, prefix] of [
  ["0.0.0.0", 8], ["10.0.0.0", 8], ["100.64.0.0", 10], ["127.0.0.0", 8], ["169.254.0.0", 16], ["172.16.0.0", 12],
  ["192.0.0.0", 24], ["192.0.2.0", 24], ["192.88.99.0", 24], ["192.168.0.0", 16], ["198.18.0.0", 15],
  ["198.51.100.0", 24], ["203.0.113.0", 24], ["224.0.0.0", 4], ["240.0.0.0", 4]
] as const) specialIpv4.addSubnet(network, prefix, "ipv4")

/** Global unicast; everything else, also an IPv4 address written as IPv6, is special. */
const globalIpv6 = new BlockList()
globalIpv6.addSubnet("2000::", 3, "ipv6")

/** Protocol assignments with Teredo, documentation, and 6to4, which carries IPv4 addresses. */
const specialIpv6 = new BlockList()
for (const [network, prefix] of [["2001::", 23], ["2001:db8::", 32], ["2002::", 16], ["3fff::", 20]] as const) {
  specialIpv6.addSubnet(network, prefix, "ipv6")
}

/** Neither loopback, private, link-local, carrier-grade NAT, multicast, translated nor otherwise special. */
export const isPublicAddress = (address: string): boolean => {
  if (isIPv4(address)) return !specialIpv4.check(address, "ipv4")
  return isIPv6(address) && globalIpv6.check(address, "ipv6") && !specialIpv6.check(address, "ipv6")
}
