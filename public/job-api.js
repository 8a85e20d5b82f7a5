import { CallError, parse, request, requestJson } from './api.js';
import { readEvents } from './sse.js';

const RECONNECT_MS = 500;
const RECONNECT_MAX_MS = 8_000;

export function isEnded({ status }) {
  return status !== 'queued' && status !== 'in_progress';
}

function jobUrl(id, verb = '') {
  return `/api/jobs/${encodeURIComponent(id)}${verb}`;
}

/** The jobs API, for the caller whose key it is. */
export function jobsOf(key) {
  return {
    list: () => requestJson('/api/jobs?limit=20', { key }),
    cancel: (id) => requestJson(jobUrl(id, '/cancel'), { key, method: 'POST' }),
    retry: (id) => requestJson(jobUrl(id, '/retry'), { key, method: 'POST' }),
    remove: (id) => requestJson(jobUrl(id), { key, method: 'DELETE' }),
    result: (id, signal) => request(jobUrl(id, '/result'), { key, signal }),
    stream: (id, signal) => request(jobUrl(id, '/stream'), { key, signal, headers: { accept: 'text/event-stream' } }),
    follow: (id, signal) => changes(id, key, signal),
  };
}

/** The job at each change until it ends; goes on where it was when the connection breaks. */
async function* changes(id, key, signal) {
  let last = null;
  for (let broken = 0; ; broken++) {
    if (broken > 0) await pause(Math.min(RECONNECT_MAX_MS, RECONNECT_MS * 2 ** broken), signal);
    try {
      const resume = last === null ? {} : { 'last-event-id': last };
      const headers = { accept: 'text/event-stream', ...resume };
      const response = await request(jobUrl(id), { key, signal, headers });
      if (response.status === 204) return;
      for await (const event of readEvents(response.body)) {
        const job = parse(event.data);
        last = event.id;
        broken = 0;
        yield job;
        if (isEnded(job)) return;
      }
    } catch (error) {
      // What the gateway refuses it will refuse again; a line that breaks is opened anew.
      const refused = error instanceof CallError && error.status !== null && error.status < 500;
      if (signal.aborted || refused) throw error;
    }
  }
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
