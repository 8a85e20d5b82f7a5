import { byId, createFacts, make, setChip } from './dom.js';
import { bytes, seconds, until, usage } from './format.js';
import { serverNow } from './gateway.js';
import { isEnded } from './job-api.js';

/** How a status is called and coloured. */
export const STATUS = {
  queued: { words: 'Queued', tone: 'wait' },
  in_progress: { words: 'In progress', tone: 'busy' },
  completed: { words: 'Completed', tone: 'good' },
  failed: { words: 'Failed', tone: 'bad' },
  cancelled: { words: 'Cancelled', tone: 'idle' },
  expired: { words: 'Expired', tone: 'idle' },
};

/** The look of one job: status, steps and facts, some of which move with the clock. */
export function createJobView() {
  const facts = createFacts(byId('job-facts'), [
    'Attempts',
    'Elapsed',
    'Next attempt',
    'Expires',
    'Call',
    'Answer',
    'Usage',
    'Error',
  ]);
  const chip = byId('job-state');
  const steps = byId('job-steps');

  /** What the clock moves. */
  function tick(job) {
    const now = serverNow();
    facts.set('Elapsed', seconds((job.completed_at ?? now) - job.created_at));
    facts.set('Expires', until(job.expires_at - now));
    const next = job.next_attempt_at;
    facts.set('Next attempt', next === null ? null : until(next - now));
  }

  return {
    tick,
    missing(id) {
      setChip(chip, 'Not there', 'idle');
      byId('job-id').textContent = id;
      steps.replaceChildren();
      facts.clear();
    },
    show(job) {
      const { words, tone } = STATUS[job.status];
      const stopping = job.cancel_requested_at !== null && !isEnded(job);
      setChip(chip, stopping ? 'Cancelling' : words, tone);
      byId('job-id').textContent = job.id;
      steps.replaceChildren(...stepsOf(job));
      facts.set('Attempts', String(job.attempts));
      facts.set('Call', `${job.service} · ${job.model ?? job.path}`);
      facts.set('Answer', job.response && [job.response.status, bytes(job.response.size)].join(' · '));
      facts.set('Usage', usage(job.usage));
      facts.set('Error', job.error && [job.error.message, job.error.code].filter(Boolean).join(' · '));
      tick(job);
    },
  };
}

function stepsOf(job) {
  const last = isEnded(job) ? job.status : 'completed';
  // A job that was cancelled or expired in the queue has never run.
  const names = isEnded(job) && job.attempts === 0 ? ['queued', last] : ['queued', 'in_progress', last];
  const here = names.indexOf(job.status);
  return names.map((name, index) => {
    const { words, tone } = STATUS[name];
    const step = make('li', { textContent: words });
    step.dataset.state = index < here ? 'past' : index === here ? 'here' : 'ahead';
    step.dataset.tone = tone;
    if (index === here) step.setAttribute('aria-current', 'step');
    return step;
  });
}
