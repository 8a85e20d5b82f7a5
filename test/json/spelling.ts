import fc from 'fast-check';

/** A number as JSON may spell it (RFC 8259 section 6). */
export const spelling = fc.oneof(
  fc.stringMatching(/^-?(0|[1-9][0-9]{0,25})$/),
  fc.stringMatching(/^-?(0|[1-9][0-9]{0,10})\.[0-9]{1,20}$/),
  fc.stringMatching(/^-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,4})?[eE][+-]?[0-9]{1,3}$/),
  fc.stringMatching(/^-?0\.0{0,9}[0-9]{1,3}$/),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
);

/** A name that is not taken for an index, by which JavaScript would change the order. */
const name = fc.string({ maxLength: 5 }).map((text) => `_${text}`);

/** The text of any JSON, in the one way in which `JSON.stringify` writes everything but numbers. */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    spelling,
    fc.oneof(fc.string({ unit: 'binary' }), spelling).map((text) => JSON.stringify(text)),
    fc.constantFrom('true', 'false', 'null'),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
    tie('object'),
  ),
  object: objectOf(tie('value')),
})).value;

/** The text of a JSON object with members of any kind. */
export const objectText: fc.Arbitrary<string> = objectOf(jsonText);

function objectOf(value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .uniqueArray(fc.tuple(name, value), { maxLength: 4, selector: ([key]) => key })
    .map((members) => `{${members.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`);
}
