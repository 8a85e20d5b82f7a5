import { asFailure, parse } from './api.js';
import { byId } from './dom.js';
import { isEnded, jobsOf } from './job-api.js';
import { createJobView } from './job-view.js';
import { createOutput } from './output.js';
import { readChatStream } from './stream.js';

const TICK_MS = 500;
const BUTTONS = ['replay', 'result', 'retry', 'cancel', 'delete'];

/**
 * The panel of one job, which it follows until the job ends.
 * @param {{onChange: () => void, onClose: () => void}} listener
 */
export function createJobPanel({ onChange, onClose }) {
  const section = byId('job');
  const view = createJobView();
  const output = createOutput(byId('job-output'), 'What the job has answered');
  const button = (name) => byId(`job-${name}`);
  /** The opened job with the key that it belongs to, which the form may no longer hold. */
  let opened = null;
  let watching = new AbortController();
  let reading = new AbortController();

  setInterval(() => {
    if (opened?.job) view.tick(opened.job);
  }, TICK_MS);

  /** Shows the job, unless another has been opened meanwhile. */
  function show(job) {
    if (job.id !== opened?.id) return;
    opened.job = job;
    section.hidden = false;
    view.show(job);
    const focused = BUTTONS.map(button).find((each) => each === document.activeElement);
    allowReplay();
    const ended = isEnded(job);
    button('result').disabled = job.status !== 'completed' && job.status !== 'failed';
    button('retry').disabled = !['failed', 'cancelled', 'expired'].includes(job.status);
    button('cancel').disabled = ended || job.cancel_requested_at !== null;
    button('delete').disabled = !ended;
    // A button that goes grey under the focus would lose it.
    if (focused?.disabled) section.focus({ preventScroll: true });
  }

  /** There is nothing to replay of what has not begun, or has ended before its answer. A replay that runs can be stopped. */
  function allowReplay() {
    const job = opened?.job;
    if (!job) return;
    const empty = ['cancelled', 'expired'].includes(job.status) || (job.status === 'queued' && job.attempts === 0);
    button('replay').disabled = empty && !replaying();
  }

  const replaying = () => button('replay').textContent === 'Stop';

  async function follow() {
    watching.abort();
    watching = new AbortController();
    const { signal } = watching;
    try {
      for await (const job of opened.jobs.follow(opened.id, signal)) {
        if (signal.aborted) return;
        show(job);
        onChange();
      }
    } catch (error) {
      if (signal.aborted) return;
      if (opened.job === null) showMissing();
      output.fail(asFailure(error));
    }
  }

  /** A job that cannot be read: deleted, past its time, or of another key. */
  function showMissing() {
    section.hidden = false;
    view.missing(opened.id);
    for (const name of BUTTONS) button(name).disabled = true;
  }

  function stopReading() {
    reading.abort();
    endReading();
  }

  function endReading() {
    output.settle();
    button('replay').textContent = 'Replay';
    allowReplay();
  }

  /** Does what a button asks for, with the reading that went on stopped. */
  function act(name, action) {
    button(name).addEventListener('click', async () => {
      const wasReplaying = replaying();
      stopReading();
      if (name === 'replay' && wasReplaying) return;
      reading = new AbortController();
      const { signal } = reading;
      try {
        await action(opened, signal);
      } catch (error) {
        if (!signal.aborted) output.fail(asFailure(error));
      }
    });
  }

  act('replay', async ({ id, jobs }, signal) => {
    output.stream();
    button('replay').textContent = 'Stop';
    try {
      const response = await jobs.stream(id, signal);
      await readChatStream(response.body, { onText: output.append });
    } finally {
      // Who stopped this one has seen to the rest.
      if (!signal.aborted) endReading();
    }
  });

  act('result', async ({ id, jobs }, signal) => {
    output.clear();
    const response = await jobs.result(id, signal);
    const text = await response.text();
    const json = parse(text);
    if (json === undefined) output.text(text);
    else output.json(json);
  });

  act('cancel', async ({ id, jobs }) => {
    show(await jobs.cancel(id));
    onChange();
  });

  act('retry', async ({ id, jobs }) => {
    output.clear();
    show(await jobs.retry(id));
    onChange();
    if (opened?.id === id) follow();
  });

  act('delete', async ({ id, jobs }) => {
    await jobs.remove(id);
    if (opened?.id !== id) return;
    close();
    onClose();
  });

  function close() {
    watching.abort();
    stopReading();
    opened = null;
    section.hidden = true;
  }

  return {
    get id() {
      return opened?.id ?? null;
    },
    close,
    /** @param {object | null} job what is known of it already */
    open(id, key, job = null) {
      close();
      opened = { id, key, jobs: jobsOf(key), job: null };
      output.clear();
      if (job !== null) show(job);
      follow();
    },
  };
}
