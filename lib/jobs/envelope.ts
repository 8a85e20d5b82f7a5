import { GatewayError } from '../http/errors.ts';
import type { JsonObject } from '../json.ts';
import { jsonMembers } from '../json-members.ts';

/** What `POST /api/jobs` brings: its fields parsed, the provider's body as the bytes that it was spelled with. */
export interface Envelope {
  readonly fields: JsonObject;
  /** A JSON value. */
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  /** A JSON value; a string, where the caller got it right. */
  readonly bodyBase64: Uint8Array<ArrayBuffer> | undefined;
}

/** Of all fields but the body, which may be as long as a request may be, and so is never parsed. */
const MAX_FIELDS_BYTES = 1_048_576;

/** @throws GatewayError `invalid_json`; `invalid_request` where the fields beside the body are longer than 1 MiB */
export function readEnvelope(json: Uint8Array<ArrayBuffer>): Envelope {
  const members = jsonMembers(json);
  if (members === null) throw new GatewayError('invalid_json');
  const values = new Map(members.map(({ name, value }) => [name, value]));
  const body = values.get('body');
  const bodyBase64 = values.get('body_base64');
  values.delete('body');
  values.delete('body_base64');
  const bySize = Array.from(values).sort(([, left], [, right]) => right.byteLength - left.byteLength);
  if (bySize.reduce((sum, [, { byteLength }]) => sum + byteLength, 0) > MAX_FIELDS_BYTES) {
    const param = (bySize[0]?.[0] ?? '').slice(0, 100);
    const message = `The fields of a job other than its body must have at most ${MAX_FIELDS_BYTES} bytes together.`;
    throw new GatewayError('invalid_request', { message, param });
  }
  const decoder = new TextDecoder();
  const fields = Object.fromEntries(Array.from(values, ([name, value]) => [name, JSON.parse(decoder.decode(value))]));
  return { fields, body, bodyBase64 };
}
