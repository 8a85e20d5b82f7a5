import ipaddr from 'ipaddr.js';

/**
 * Whether an address is one of the public internet: nothing private, local to a link or this machine, reserved, or made of
 * an IPv4 address that another host would take apart (RFC 6890; mapped ones count as what they map).
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  // All that is given out to the internet: https://www.iana.org/assignments/ipv6-address-space
  if (parsed instanceof ipaddr.IPv6) return parsed.match(GLOBAL);
  return parsed.toString() !== AZURE_HOST;
}

const GLOBAL = ipaddr.IPv6.parseCIDR('2000::/3');
/** A public address that is the host's own inside of Azure: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16 */
const AZURE_HOST = '168.63.129.16';
