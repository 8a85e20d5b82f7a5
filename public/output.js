import { make } from './dom.js';

/**
 * Where an answer is shown: its text or JSON, and what went wrong. Used by the answer and by the job.
 * @param {HTMLElement} root
 * @param {string} label what a screen reader calls it
 */
export function createOutput(root, label) {
  const problem = make('div', { className: 'problem', role: 'alert', hidden: true });
  // Focusable, so that a long answer can be scrolled by keyboard.
  const box = make('div', { className: 'output', tabIndex: 0, dir: 'auto', hidden: true });
  box.setAttribute('role', 'region');
  box.setAttribute('aria-label', label);
  box.setAttribute('aria-live', 'polite');
  root.append(problem, box);
  let text = document.createTextNode('');
  let following = true;
  let scheduled = false;

  box.addEventListener('scroll', () => {
    following = box.scrollTop + box.clientHeight >= box.scrollHeight - 24;
  });

  // One look at the layout for each frame, however many pieces have come.
  const follow = () => {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      if (following) box.scrollTop = box.scrollHeight;
    });
  };

  const begin = (kind) => {
    problem.hidden = true;
    box.hidden = false;
    box.dataset.kind = kind;
    box.removeAttribute('aria-busy');
    text = document.createTextNode('');
    box.replaceChildren(text);
    following = true;
  };

  return {
    /** Empties it for text that comes in pieces. A screen reader is told of it once, by {@link settle}. */
    stream() {
      begin('text');
      box.setAttribute('aria-busy', 'true');
    },
    append(piece) {
      text.appendData(piece);
      follow();
    },
    settle() {
      box.removeAttribute('aria-busy');
      box.hidden = text.data === '';
    },
    text(value) {
      begin('text');
      text.data = value;
    },
    json(value) {
      begin('json');
      text.data = JSON.stringify(value, null, 2);
    },
    /**
     * @param {import('./api.js').CallError} error
     * @param {string} note when it happened, where that is not plain
     */
    fail(error, note = '') {
      const title = [error.status, error.type].filter(Boolean).join(' · ') || 'Error';
      const details = [
        error.code && `code ${error.code}`,
        error.param && `param ${error.param}`,
        error.requestId && `request ${error.requestId}`,
      ].filter(Boolean);
      problem.replaceChildren(make('strong', {}, title), make('p', {}, error.message));
      if (note !== '') problem.append(make('p', {}, note));
      if (details.length > 0) problem.append(make('p', { className: 'details' }, details.join(' · ')));
      problem.hidden = false;
    },
    clear() {
      begin('text');
      box.hidden = true;
    },
  };
}
