import { describe, expect, it } from 'vitest';
import { bytesWithoutStream } from '../../lib/http/json-body.ts';

const without = (json: string) => new TextDecoder().decode(bytesWithoutStream(new TextEncoder().encode(json)));

describe('a JSON object without what asks for a stream', () => {
  it.each([
    ['{}', '{}'],
    ['{"stream":true}', '{}'],
    ['{"stream":true,"stream_options":{"include_usage":true}}', '{}'],
    ['{"stream":true,"a":1}', '{"a":1}'],
    ['{"a":1,"stream":false}', '{"a":1}'],
    ['{"a":1,"stream_options":{"x":[1,{"y":2}]},"b":2}', '{"a":1,"b":2}'],
    ['{ "a" : 1.0 ,\r\n\t"stream": true, "b": 12345678901234567890 }', '{"a":1.0,"b":12345678901234567890}'],
    ['{"a":{"stream":true},"b":["stream",{"stream":1}]}', '{"a":{"stream":true},"b":["stream",{"stream":1}]}'],
    [String.raw`{"str\u0065am":true,"a":" \" , \\"}`, String.raw`{"a":" \" , \\"}`],
    ['{"stream":1,"stream":2,"":3}', '{"":3}'],
    ['{"a":"stream","stream":"a"}', '{"a":"stream"}'],
  ])('%s', (json, expected) => expect(without(json)).toBe(expected));

  it('keeps bytes that are no UTF-8', () => {
    const json = Uint8Array.from([...new TextEncoder().encode('{"a":"'), 0xff, 0xc3, 0x22, 0x7d]);
    expect(bytesWithoutStream(json)).toEqual(json);
  });

  it('takes any depth', () => {
    const json = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect(without(json)).toBe(json);
  });
});
