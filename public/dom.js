/** The element of that id; a missing one is a mistake in index.html. */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`index.html has no #${id}`);
  return element;
}

/** A new element. Children that are not elements become text: nothing is ever parsed as HTML. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  Object.assign(element, properties);
  element.append(...children);
  return element;
}

/** The look and the words of a chip. Rewritten only when it changes, as screen readers announce what is written. */
export function setChip(element, text, tone) {
  if (element.textContent !== text) element.textContent = text;
  element.dataset.tone = tone;
}

/**
 * A description list with a row for each label; a row without a value is not shown.
 * @param {HTMLElement} list
 * @param {readonly string[]} labels
 */
export function createFacts(list, labels) {
  const rows = new Map(
    labels.map((label) => {
      const value = make('dd');
      const row = make('div', { hidden: true }, make('dt', {}, label), value);
      list.append(row);
      return [label, { row, value }];
    }),
  );
  const set = (label, text) => {
    const { row, value } = rows.get(label);
    row.hidden = text === null || text === '';
    if (value.textContent !== text) value.textContent = text ?? '';
  };
  return {
    set,
    clear() {
      for (const label of labels) set(label, null);
    },
  };
}
