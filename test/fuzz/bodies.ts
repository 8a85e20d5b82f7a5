import fc from 'fast-check';

const utf8 = (text: string) => new TextEncoder().encode(text);

const number = fc.constantFrom('0', '-0', '1', '1e999', '-1e-999', '123456789012345678901234567890', '1.0', '0.1e+2');
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', 'true', '\u0000', '\ud800', '\udfff\ud800', '__proto__', 'x'.repeat(2_000), '\u2028', '🤖'),
);
/** JSON as text, so that numbers that JavaScript cannot tell apart are among them. */
const scalar = fc.oneof(
  number,
  text.map((value) => JSON.stringify(value)),
  fc.constantFrom('true', 'false', 'null', '{}', '[]', '"\\ud800"', '"\\u0000"'),
);
const names = fc.constantFrom(
  'model',
  'stream',
  'messages',
  'n',
  '__proto__',
  'constructor',
  'a',
  '',
  'stream_options',
);
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
    fc
      .array(fc.tuple(names, tie('value')), { maxLength: 4 })
      .map((members) => `{${members.map(([name, member]) => `${JSON.stringify(name)}:${member}`).join(',')}}`),
  ),
}));

const object = (members: Readonly<Record<string, fc.Arbitrary<string>>>) =>
  fc.record(members, { requiredKeys: [] }).map(
    (given) =>
      `{${Object.entries(given)
        .map(([name, member]) => `${JSON.stringify(name)}:${member}`)
        .join(',')}}`,
  );

const or = (...good: readonly string[]) => fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...good) }, value);

const completion = object({
  model: or('"m"', '"demo-echo"', '"demo-tools"'),
  stream: or('true', 'false', '"true"', '1'),
  stream_options: or('{"include_usage":true}', '{}'),
  messages: or('[{"role":"user","content":"Hello"}]', '[]', '[{"role":"user","content":[{"type":"text","text":"x"}]}]'),
  input: or('"i"', '[]'),
  contents: or('[{"role":"user","parts":[{"text":"Hello"}]}]'),
  max_tokens: or('5'),
  n: or('1', '2'),
  tools: or('[]', '[{"type":"function","function":{"name":"f","parameters":{}}}]'),
});

const submission = object({
  service: or('"local"', '"local"', '"demo"', '"dead"', '"__proto__"'),
  path: or(
    '"/v1/chat/completions"',
    '"/fail/503"',
    '"/sse"',
    '"//evil.example/"',
    '"/../x"',
    '"/x?key=k"',
    '"/\\u0000"',
  ),
  method: or('"POST"', '"GET"', '"TRACE"', '"get"'),
  headers: or(
    '{}',
    '{"x-a":"b"}',
    '{"__proto__":"x"}',
    '{"host":"evil.example"}',
    '{"content-length":"99"}',
    '{"a b":"c"}',
  ),
  body: value,
  body_base64: or('"AAAA"', '"%%%"', '7'),
  metadata: or('{}', '{"__proto__":{"a":1}}', '{"constructor":{"prototype":{"a":1}}}', '[]'),
  webhook: or('null', '"http://127.0.0.1/"'),
  delay_s: or('0', '600', '-1', '1e9'),
  not_before: or('0', '1', '99999999999999'),
  retries: or('0', '20', '21'),
  timeout_s: or('1', '0'),
  cancel_after_s: or('1'),
  ttl_s: or('1', '604801'),
  extra: value,
}).map((json) => {
  // Most should get as far as the store.
  return json.includes('"service"') && json.includes('"path"')
    ? json
    : `{"service":"local","path":"/text",${json.slice(1)}`;
});

/** One byte or piece of it changed. */
const mutated = fc
  .tuple(
    fc.oneof(completion, submission),
    fc.nat(1_000),
    fc.constantFrom('', '\u0000', '"', '{', '}', ',', '\\', '\ufeff'),
  )
  .map(([json, at, piece]) => {
    const place = at % (json.length + 1);
    return `${json.slice(0, place)}${piece}${json.slice(place + (piece === '' ? 1 : 0))}`;
  });

const deep = fc
  .tuple(fc.constantFrom(100, 5_000, 50_000), fc.constantFrom('[', '{"a":'), fc.boolean())
  .map(([depth, open, closed]) => {
    const end = open === '[' ? ']' : '}';
    return `{"messages":${open.repeat(depth)}1${closed ? end.repeat(depth) : ''}}`;
  });

export const bodies: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(new Uint8Array()) },
  { weight: 6, arbitrary: completion.map(utf8) },
  { weight: 6, arbitrary: submission.map(utf8) },
  { weight: 2, arbitrary: mutated.map(utf8) },
  { weight: 1, arbitrary: value.map(utf8) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  { weight: 1, arbitrary: deep.map(utf8) },
);
