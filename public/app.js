import { createAnswer } from './answer.js';
import { byId } from './dom.js';
import { createForm } from './form.js';
import { watchGateway } from './gateway.js';
import { createJobPanel } from './job.js';
import { createJobsList } from './jobs.js';
import { run } from './run.js';

const form = createForm({ onCaller: () => jobs.refresh() });
const answer = createAnswer();
const panel = createJobPanel({
  onChange: () => jobs.refresh(),
  onClose() {
    forget();
    jobs.refresh();
    // The button that was pressed has gone with its job.
    byId('jobs-refresh').focus();
  },
});
const jobs = createJobsList({
  key: form.key,
  openId: () => panel.id,
  onPick(job) {
    open(job.id, job);
    byId('job').focus();
  },
});

/** Opens a job and keeps its id in the address, so that a reload comes back to it. */
function open(id, job = null) {
  panel.open(id, form.key(), job);
  history.replaceState(null, '', `#${id}`);
  jobs.mark();
}

function forget() {
  history.replaceState(null, '', location.pathname);
}

const runButton = byId('run');
const stopButton = byId('stop');
let running = null;

byId('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  if (running !== null) return;
  running = new AbortController();
  stopButton.disabled = false;
  // Not `disabled`, which would take the focus away from who has just pressed it.
  runButton.setAttribute('aria-disabled', 'true');
  bringIntoView(byId('answer'));
  const job = await run(form.read(), answer, running.signal);
  running = null;
  runButton.removeAttribute('aria-disabled');
  if (document.activeElement === stopButton) runButton.focus({ preventScroll: true });
  stopButton.disabled = true;
  if (job === null) return;
  open(job.id, job);
  jobs.refresh();
});

stopButton.addEventListener('click', () => running?.abort());

byId('form').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    byId('form').requestSubmit();
  }
});

/** On a phone the answer is below the form. */
function bringIntoView(element) {
  if (element.getBoundingClientRect().top > innerHeight * 0.8) element.scrollIntoView();
}

watchGateway((status) => {
  form.fill(status);
  const [, id] = /^#(job_[\w-]+)$/.exec(location.hash) ?? [];
  if (id !== undefined && panel.id === null) open(id);
});
