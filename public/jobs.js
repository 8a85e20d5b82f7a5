import { asFailure } from './api.js';
import { byId, make } from './dom.js';
import { isEnded, jobsOf } from './job-api.js';
import { STATUS } from './job-view.js';

const POLL_MS = 3_000;

/**
 * The list of the caller's recent jobs. While one of them moves and somebody looks, it is read again and again.
 * @param {{key: () => string, openId: () => string | null, onPick: (job: object) => void}} options
 */
export function createJobsList({ key, openId, onPick }) {
  const list = byId('jobs-list');
  const note = byId('jobs-note');
  let timer;
  let latest = 0;

  async function refresh() {
    clearTimeout(timer);
    const turn = ++latest;
    const caller = key();
    try {
      const { data } = await jobsOf(caller).list();
      // A list that was asked for earlier may come later.
      if (turn !== latest) return;
      show(data);
      const whose = caller === '' ? 'Made without a key.' : 'Made with this key.';
      note.textContent = data.length === 0 ? 'None yet: run something as a job.' : whose;
      if (data.some((job) => !isEnded(job))) timer = setTimeout(poll, POLL_MS);
    } catch (error) {
      if (turn !== latest) return;
      list.replaceChildren();
      note.textContent = asFailure(error).message;
    }
  }

  function poll() {
    if (document.hidden) timer = setTimeout(poll, POLL_MS);
    else refresh();
  }

  function show(jobs) {
    // Rebuilt as a whole; who had the focus on a job keeps it there.
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    list.replaceChildren(...jobs.map(row));
    mark();
    if (focused !== null) list.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
  }

  function row(job) {
    const { words, tone } = STATUS[job.status];
    const created = new Date(job.created_at * 1000);
    const time = make('time', { dateTime: created.toISOString(), textContent: timeOf(created) });
    const chip = make('span', { className: 'chip', textContent: words });
    chip.dataset.tone = tone;
    const what = make('span', { className: 'what', textContent: `${job.service} · ${job.model ?? job.path}` });
    const button = make('button', { type: 'button' }, what, chip, make('code', { textContent: job.id }), time);
    button.dataset.id = job.id;
    button.addEventListener('click', () => onPick(job));
    return make('li', {}, button);
  }

  /** Marks the job that is open. */
  function mark() {
    for (const button of list.querySelectorAll('button')) {
      if (button.dataset.id === openId()) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
    }
  }

  byId('jobs-refresh').addEventListener('click', refresh);
  return { refresh, mark };
}

function timeOf(date) {
  const today = date.toDateString() === new Date().toDateString();
  return today
    ? date.toLocaleTimeString('en-GB')
    : date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
}
