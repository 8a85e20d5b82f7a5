/**
 * Keys stay in this tab (`sessionStorage`), one for each service, so that choosing another service never sends it a key
 * that was meant for somebody else. A gateway that takes only its own keys has one for all.
 */
const PREFIX = 'key ';
const memory = new Map();

export function readKey(scope) {
  try {
    return sessionStorage.getItem(PREFIX + scope) ?? '';
  } catch {
    // A browser that forbids storage keeps the key for as long as the page is open.
    return memory.get(scope) ?? '';
  }
}

export function writeKey(scope, key) {
  memory.set(scope, key);
  try {
    if (key === '') sessionStorage.removeItem(PREFIX + scope);
    else sessionStorage.setItem(PREFIX + scope, key);
  } catch {
    // See above.
  }
}

/** A key that this tab makes for itself. */
export function tabKey() {
  const known = readKey('tab');
  if (known !== '') return known;
  const made = `tab-${crypto.randomUUID()}`;
  writeKey('tab', made);
  return made;
}
