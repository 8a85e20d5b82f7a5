/**
 * The events of an event stream, by the HTML standard's rules; comments (heartbeats) are passed over.
 * `fetch` rather than `EventSource`, as the key travels in a header.
 * @param {ReadableStream<Uint8Array>} body
 */
export async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let event = { data: [], id: null };
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      // A CR at the end may be half of a CRLF: it waits for what follows.
      const lines = (rest + part.value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line !== '') {
          addField(event, line);
          continue;
        }
        if (event.data.length > 0) yield { data: event.data.join('\n'), id: event.id };
        event = { data: [], id: event.id };
      }
    }
  } finally {
    // A stream that has failed has told so in `read` already.
    reader.cancel().catch(() => undefined);
  }
}

function addField(event, line) {
  const [, name, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
  if (name === 'data') event.data.push(value ?? '');
  if (name === 'id') event.id = value ?? '';
}
