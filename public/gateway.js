import { requestJson, UNREACHABLE } from './api.js';
import { byId, setChip } from './dom.js';

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
  const banner = byId('down');
  let probing = false;

  async function probe() {
    if (probing) return;
    probing = true;
    try {
      const status = await requestJson('/api/status');
      offset = Date.parse(status.timestamp) - Date.now();
      banner.hidden = true;
      setChip(chip, `Up · ${status.mode}`, 'good');
      chip.title = `Version ${status.version}; store: ${status.store}; queue: ${status.queue}`;
      onUp(status);
    } catch {
      banner.hidden = false;
      setChip(chip, 'Down', 'bad');
      setTimeout(probe, PROBE_MS);
    } finally {
      probing = false;
    }
  }

  document.addEventListener(UNREACHABLE, () => {
    if (banner.hidden) probe();
  });
  probe();
}
