import ipaddr from 'ipaddr.js';

/**
 * Whether an address is one of the public internet: nothing private, local to a link or this machine, reserved, or made of
 * an IPv4 address that another host would take apart (RFC 6890; mapped ones count as what they map).
 */
export function isPublicAddress(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}
