import { requestJson } from './api.js';
import { chatPath, modelsPath } from './chat.js';
import { byId, make } from './dom.js';
import { readKey, tabKey, writeKey } from './keys.js';
import { WAYS } from './run.js';

const DEMO = 'demo';

/**
 * The request form: services, models, keys and the demo service's controls.
 * @param {{onCaller: () => void}} listener called when the key, and so the caller, may have changed
 */
export function createForm({ onCaller }) {
  const service = byId('service');
  const model = byId('model');
  const key = byId('key');
  const path = byId('path');
  /** What was last typed for each service. */
  const typedModels = new Map([[DEMO, 'demo-echo']]);
  let status = null;
  let loading = new AbortController();

  const scope = () => (status?.environment.require_gateway_key ? 'gateway' : service.value);
  const current = () => status.services.find(({ name }) => name === service.value);

  /** The demo service takes any key: one of this tab's own makes its jobs findable where callers without one share nothing. */
  function callerKey() {
    const typed = key.value.trim();
    const isOwn = service.value === DEMO && status?.environment.anonymous_jobs === 'nobodys';
    return typed === '' && isOwn && !status.environment.require_gateway_key ? tabKey() : typed;
  }

  function choose() {
    const name = service.value;
    model.value = typedModels.get(name) ?? '';
    model.placeholder = name === DEMO ? 'demo-echo' : "the provider's name for it";
    key.value = readKey(scope());
    path.value = chatPath(name);
    byId('path-service').textContent = name;
    byId('demo').hidden = name !== DEMO;
    byId('key-hint').textContent = keyHint(current(), status.environment);
    byId('key-optional').hidden = !worksWithoutKey(current(), status.environment);
    loadModels();
    onCaller();
  }

  /** Suggestions only: a service that does not list its models, or not without a key, leaves the field free. */
  async function loadModels() {
    loading.abort();
    loading = new AbortController();
    const list = byId('models');
    list.replaceChildren();
    if (key.value === '' && !worksWithoutKey(current(), status.environment)) return;
    const options = { key: key.value, signal: loading.signal };
    const found = await requestJson(`/gateway/${service.value}${modelsPath(path.value)}`, options).catch(() => null);
    const names = (found?.data ?? []).flatMap((entry) => entry.id ?? []);
    list.replaceChildren(...names.map((value) => make('option', { value })));
  }

  service.addEventListener('change', choose);
  model.addEventListener('input', () => typedModels.set(service.value, model.value));
  path.addEventListener('change', loadModels);
  key.addEventListener('change', () => {
    key.value = key.value.trim();
    writeKey(scope(), key.value);
    loadModels();
    onCaller();
  });
  const explain = () => {
    byId('way-hint').textContent = WAYS[way()].hint;
  };
  for (const radio of document.querySelectorAll('input[name="way"]')) radio.addEventListener('change', explain);
  explain();

  return {
    /** Fills the form from `/api/status`; what is chosen stays so when the gateway comes back. */
    fill(next) {
      status = next;
      const names = status.services.map(({ name }) => name).sort((a, b) => Number(b === DEMO) - Number(a === DEMO));
      const shown = Array.from(service.options, ({ value }) => value);
      if (names.join() === shown.join()) return onCaller();
      const chosen = service.value || DEMO;
      service.replaceChildren(...names.map((name) => make('option', { value: name, textContent: name })));
      service.value = names.includes(chosen) ? chosen : names[0];
      choose();
    },
    key: callerKey,
    read: () => ({
      way: way(),
      service: service.value,
      path: path.value,
      key: callerKey(),
      model: model.value.trim(),
      system: byId('system').value.trim(),
      prompt: byId('prompt').value,
      headers: service.value === DEMO ? demoHeaders() : {},
    }),
  };
}

function way() {
  return document.querySelector('input[name="way"]:checked').value;
}

function demoHeaders() {
  const fields = { 'x-demo-delay-ms': 'demo-delay', 'x-demo-length': 'demo-length', 'x-demo-fail': 'demo-fail' };
  const entries = Object.entries(fields).map(([header, id]) => [header, byId(id).value]);
  return Object.fromEntries(entries.filter(([, value]) => value !== ''));
}

/** Without any key, providers only refuse. */
function worksWithoutKey({ host, has_api_key }, { allow_env_api_key, require_gateway_key }) {
  return !require_gateway_key && (host === 'in process' || (has_api_key && allow_env_api_key));
}

function keyHint(service, environment) {
  const { name, host } = service;
  if (environment.require_gateway_key) return 'This gateway takes only its own keys. Yours stays in this tab.';
  if (host === 'in process') return 'Not needed: this service answers inside the gateway.';
  if (worksWithoutKey(service, environment)) return `Not needed: the gateway has a key for ${name}.`;
  return `Your ${name} key${environment.gateway_keys > 0 ? ', or a gateway key' : ''}. It stays in this tab.`;
}
