import { isObject, type Json, parseJson } from '../json.ts';
import { jsonMembers } from '../json-members.ts';

/** What the gateway looks at of a JSON request. The rest, whatever its size, passes by unread. */
export interface Asked {
  readonly model: string | null;
  readonly stream: boolean;
  /** `stream_options.include_usage`: the usage chunk at the stream's end. */
  readonly includeUsage: boolean;
}

/** A longer value of these members is none that a provider would understand. */
const MAX_VALUE_BYTES = 65_536;

/** @returns `null` where the bytes are no JSON object */
export function lookInto(json: Uint8Array<ArrayBuffer>): Asked | null {
  const members = jsonMembers(json);
  if (members === null) return null;
  const parsed = (name: string): Json | undefined => {
    // Of several the last one counts, as for JSON.parse.
    const value = members.findLast((member) => member.name === name)?.value;
    if (value === undefined || value.byteLength > MAX_VALUE_BYTES) return undefined;
    return parseJson(new TextDecoder().decode(value));
  };
  const model = parsed('model');
  const options = parsed('stream_options');
  return {
    model: typeof model === 'string' ? model : null,
    stream: parsed('stream') === true,
    includeUsage: isObject(options) && options['include_usage'] === true,
  };
}
