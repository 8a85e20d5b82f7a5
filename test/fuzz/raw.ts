import fc from 'fast-check';

const PIECES = ['\r\n', '\n', '\r', '\0', ' ', ':', '\t', '\x7f', '\xff', '0\r\n\r\n', 'Content-Length: 3\r\n'].concat([
  'Transfer-Encoding: chunked\r\n',
  'Host: evil.example\r\n',
  ' folded\r\n',
  'HTTP/1.1',
  '%0d%0a',
  'GET / HTTP/1.1\r\n\r\n',
]);

type Change = (bytes: Buffer) => Buffer;

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(fc.nat(), fc.constantFrom(...PIECES)).map(
    ([at, piece]): Change =>
      (bytes) => {
        const place = at % (bytes.length + 1);
        return Buffer.concat([bytes.subarray(0, place), Buffer.from(piece, 'latin1'), bytes.subarray(place)]);
      },
  ),
  fc.tuple(fc.nat(), fc.nat(8)).map(
    ([at, length]): Change =>
      (bytes) => {
        const place = at % (bytes.length + 1);
        return Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + length)]);
      },
  ),
  fc.tuple(fc.nat(), fc.nat(255)).map(
    ([at, byte]): Change =>
      (bytes) => {
        const changed = Buffer.from(bytes);
        if (changed.length > 0) changed[at % changed.length] = byte;
        return changed;
      },
  ),
  fc.nat().map(
    (at): Change =>
      (bytes) =>
        bytes.subarray(0, at % (bytes.length + 1)),
  ),
  fc.constant<Change>((bytes) => Buffer.concat([bytes, bytes])),
);

/** Requests as they stand on the wire, with a few bytes put in, taken out or changed. */
export function mutilations(whole: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc
    .tuple(whole, fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([bytes, changes]) => changes.reduce((changed, apply) => apply(changed), bytes));
}
