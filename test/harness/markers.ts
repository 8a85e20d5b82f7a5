/** Every way in which a text may lie in bytes that are not sealed. */
const FORMS: readonly ((text: string) => readonly Buffer[])[] = [
  (text) => [Buffer.from(text)],
  (text) => [Buffer.from(text, 'utf16le'), Buffer.from(text, 'utf16le').swap16()],
  (text) => [
    Buffer.from(Buffer.from(text).toString('hex')),
    Buffer.from(Buffer.from(text).toString('hex').toUpperCase()),
  ],
  (text) => [0, 1, 2].flatMap((offset) => [within('base64', text, offset), within('base64url', text, offset)]),
  (text) => [Buffer.from([...text].reverse().join(''))],
];

/** The characters of base64 that are a text's own, whatever stands before and after it. */
function within(encoding: 'base64' | 'base64url', text: string, offset: number): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(text), Buffer.alloc(3)]);
  const encoded = bytes.toString(encoding);
  const from = Math.ceil((offset * 8) / 6);
  const to = Math.floor(((offset + Buffer.byteLength(text)) * 8) / 6);
  return Buffer.from(encoded.slice(from, to));
}

/** Which of the markers lie in which of the places, in whatever form. */
export function markersIn(
  places: Iterable<readonly [string, Buffer]>,
  markers: Readonly<Record<string, string>>,
): string[] {
  const sought = Object.entries(markers).flatMap(([name, text]) =>
    FORMS.flatMap((form) => form(text)).map((bytes) => ({ name, bytes })),
  );
  return Array.from(places).flatMap(([place, bytes]) => {
    const found = sought.filter((marker) => bytes.includes(marker.bytes)).map(({ name }) => `${name} in ${place}`);
    return [...new Set(found)];
  });
}

/** A text that stands nowhere by chance. */
export function marker(name: string): string {
  return `MARKER-${name}-q7Zx4Kp9Wv2M`;
}
