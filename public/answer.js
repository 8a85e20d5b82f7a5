import { byId, createFacts, setChip } from './dom.js';
import { milliseconds, usage } from './format.js';
import { createOutput } from './output.js';

const TICK_MS = 100;

/** The panel of the answer: its facts as they become known, and its text as it arrives. */
export function createAnswer() {
  const facts = createFacts(byId('answer-facts'), [
    'Status',
    'Mode',
    'First byte',
    'First text',
    'Total',
    'Usage',
    'Request',
  ]);
  const output = createOutput(byId('answer-output'), 'Text of the answer');
  const chip = byId('answer-state');
  let startedAt = 0;
  let ticking;
  let hasText = false;

  const elapsed = () => milliseconds(performance.now() - startedAt);
  const tick = () => facts.set('Total', elapsed());
  const end = (words, tone) => {
    clearInterval(ticking);
    tick();
    output.settle();
    setChip(chip, words, tone);
  };

  return {
    begin() {
      byId('answer-empty').hidden = true;
      facts.clear();
      output.stream();
      hasText = false;
      startedAt = performance.now();
      clearInterval(ticking);
      ticking = setInterval(tick, TICK_MS);
      setChip(chip, 'Running', 'busy');
    },
    /** @param {Response} response */
    responded({ status, headers }) {
      facts.set('First byte', elapsed());
      facts.set('Status', String(status));
      facts.set('Mode', headers.get('x-processing-mode'));
      facts.set('Request', headers.get('x-request-id'));
    },
    text(piece) {
      if (!hasText) facts.set('First text', elapsed());
      hasText = true;
      output.append(piece);
    },
    json(value) {
      output.json(value);
    },
    usage(counts) {
      facts.set('Usage', usage(counts));
    },
    done() {
      end('Done', 'good');
    },
    accepted() {
      output.text('Accepted as a job, which is followed below.');
      end('Accepted', 'good');
    },
    stopped() {
      end('Stopped', 'idle');
    },
    /** @param {number | null} sent the status of the answer that has failed in its middle */
    fail(error, sent = null) {
      end('Failed', 'bad');
      output.fail(error, sent === null ? '' : `Failed in mid-stream (the status had been sent: ${sent}).`);
    },
  };
}
