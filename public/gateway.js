import { requestJson, UNREACHABLE } from './api.js';
import { byId, make, setChip } from './dom.js';

const PROBE_MS = 3_000;

let offset = 0;

/** The gateway's clock, which a job's times are read from, in unix seconds. */
export function serverNow() {
  return (Date.now() + offset) / 1000;
}

/**
 * Shows whether the gateway is up; while it is not, asks again and again.
 * @param {(status: object) => void} onUp called with `/api/status` at first and each time that it is back
 */
export function watchGateway(onUp) {
  const chip = byId('gateway');
  const down = byId('down');
  const misconfigured = byId('misconfigured');
  const problems = byId('problems');
  let probing = false;

  function fail(text, shown, other) {
    shown.hidden = false;
    other.hidden = true;
    setChip(chip, text, 'bad');
    setTimeout(probe, PROBE_MS);
  }

  async function probe() {
    if (probing) return;
    probing = true;
    try {
      const status = await requestJson('/api/status');
      if (status.status === 'misconfigured') {
        fail('Misconfigured', misconfigured, down);
        problems.replaceChildren(...status.problems.map((problem) => make('li', {}, problem)));
        // Without its store the gateway still makes calls; without its settings it does nothing.
        if (status.services !== undefined) onUp(status);
        return;
      }
      offset = Date.parse(status.timestamp) - Date.now();
      down.hidden = true;
      misconfigured.hidden = true;
      setChip(chip, `Up · ${status.mode}`, 'good');
      chip.title = `Version ${status.version}; store: ${status.store}; queue: ${status.queue}`;
      onUp(status);
    } catch {
      fail('Down', down, misconfigured);
    } finally {
      probing = false;
    }
  }

  document.addEventListener(UNREACHABLE, () => {
    if (down.hidden && misconfigured.hidden) probe();
  });
  probe();
}
