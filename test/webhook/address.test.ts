import { describe, expect, it } from 'vitest';
import { readConfig } from '../../lib/config.ts';
import { isPublicAddress } from '../../lib/webhook/address.ts';
import { refusalOf } from '../../lib/webhook/url.ts';

const SECRET = { WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}` };
const strict = readConfig(SECRET);
const open = readConfig({ ...SECRET, ALLOW_INSECURE_WEBHOOKS: 'true', ALLOW_PRIVATE_WEBHOOKS: 'true' });

/** Each leads elsewhere than to a public host, in one of the spellings that a URL takes. */
const PRIVATE = [
  '127.0.0.1',
  '127.1',
  '0x7f000001',
  '2130706433',
  '017700000001',
  '0.0.0.0',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '192.0.0.1',
  '192.0.2.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '[::]',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::ffff:10.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
  '[2001:0:7f00:1::]',
  '[fe80::1]',
  '[fc00::1]',
  '[fd12:3456:789a::1]',
  '[ff02::1]',
  '[2001:db8::1]',
  '[100::1]',
  '[::127.0.0.1]',
  '[200::1]',
  '[4000::1]',
  '168.63.129.16',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'a.localhost',
  'printer.local',
  'metadata.google.internal',
  'router.home.arpa',
  'host.localdomain',
  'redis',
  '１２７.0.0.1',
  '127。0。0。1',
];

describe('an address', () => {
  it.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '192.169.0.1', '2606:4700::1111', '2a00:1450:4001::200e'])(
    '%s is public',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  it.each(['127.0.0.1', '::1', '::ffff:192.168.0.1', 'fe80::1%eth0', '', 'x', '300.1.1.1'])('%j is not', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('the URL of a webhook', () => {
  it.each(PRIVATE)('https://%s/ is refused, and taken where that is allowed', (host) => {
    expect(refusalOf(`https://${host}/hook`, strict)).toBe('must lead to a public host');
    expect(refusalOf(`https://${host}/hook`, open)).toBeNull();
  });

  it.each([
    'https://hooks.example/x?y=z',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]:8443/x',
    'https://münchen.de/',
  ])('%s is taken', (url) => {
    expect(refusalOf(url, strict)).toBeNull();
  });

  it.each([
    ['http://hooks.example/', 'must be an https URL'],
    ['ftp://hooks.example/', 'must be an https URL'],
    ['javascript:alert(1)', 'must be an https URL'],
    ['https://user:secret@hooks.example/', 'must not carry a user or a password'],
    ['//hooks.example/', 'must be a URL of at most 2048 characters'],
    ['hooks.example', 'must be a URL of at most 2048 characters'],
    [
      `https://hooks.example/${'x'.repeat(2048 - 'https://hooks.example/'.length + 1)}`,
      'must be a URL of at most 2048 characters',
    ],
  ])('%s is refused', (url, message) => {
    expect(refusalOf(url, strict)).toBe(message);
  });

  it('of 2048 characters is taken; http only where that is allowed; none without a secret', () => {
    expect(refusalOf(`https://hooks.example/${'x'.repeat(2048 - 'https://hooks.example/'.length)}`, strict)).toBeNull();
    expect(refusalOf('http://hooks.example/', readConfig({ ...SECRET, ALLOW_INSECURE_WEBHOOKS: 'true' }))).toBeNull();
    expect(refusalOf('http://127.0.0.1/', readConfig({ ...SECRET, ALLOW_INSECURE_WEBHOOKS: 'true' }))).toMatch(
      /public/,
    );
    expect(refusalOf('https://hooks.example/', readConfig({}))).toMatch(/WEBHOOK_SECRET/);
  });
});
