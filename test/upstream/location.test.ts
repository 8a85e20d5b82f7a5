import { describe, expect, it } from 'vitest';
import { relocated } from '../../lib/upstream/location.ts';
import { defineService } from '../../lib/upstream/services.ts';

const flat = defineService('openai', { host: 'api.openai.com' });
const nested = defineService('groq', { host: 'api.groq.com', basePath: '/openai' });

describe("a provider's Location", () => {
  it.each([
    ['/v1/files/1?a=b#c', '/gateway/openai/v1/files/1?a=b#c'],
    ['https://api.openai.com/v1/files/1', '/gateway/openai/v1/files/1'],
    ['https://api.openai.com', '/gateway/openai/'],
  ])('within the service leads through the gateway: %s', (from, to) => {
    expect(relocated(from, flat)).toBe(to);
  });

  it.each([
    ['https://cdn.example/x', 'https://cdn.example/x'],
    ['//cdn.example/x', 'https://cdn.example/x'],
    ['http://api.openai.com/x', 'http://api.openai.com/x'],
  ])('elsewhere is named in full: %s', (from, to) => {
    expect(relocated(from, flat)).toBe(to);
  });

  it.each([
    ['/openai/v1/x', '/gateway/groq/v1/x'],
    ['/openai', '/gateway/groq'],
    ['/openai-status', 'https://api.groq.com/openai-status'],
    ['/login', 'https://api.groq.com/login'],
  ])('knows the base path: %s', (from, to) => {
    expect(relocated(from, nested)).toBe(to);
  });

  it.each(['next', '?page=2', '../up', 'http://[bad'])(
    'is left alone where it means the same, or nothing: %s',
    (value) => {
      expect(relocated(value, flat)).toBe(value);
    },
  );
});
