import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'oxc-parser';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8');
const PROOF = /`(test\/[\w./-]+\.test\.ts)` “([^”]+)”/g;

const [, threats = ''] = /^## Threats$([\s\S]*?)^\*\*Not held/m.exec(PAGE) ?? [];
/** Each line of the threat model: the threat, what holds it, and the proofs. */
const rows = threats
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| threat '))
  .map((line) => line.split(' | '))
  .map(([threat = '', held = '', ...proofs]) => ({
    threat: threat.replace(/^\| /, ''),
    held,
    proofs: Array.from(proofs.join(' | ').matchAll(PROOF), ([, file = '', title = '']) => ({ file, title })),
  }));

/** The titles of the tests in a file that are run: as they are written, also those with places to fill. */
function titlesIn(file: string): Set<string> {
  const code = readFileSync(join(ROOT, file), 'utf8');
  const { program } = parseSync(file, code);
  const titles = new Set<string>();
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if ('type' in node && node.type === 'CallExpression' && 'callee' in node && 'arguments' in node) {
      const [title] = Array.isArray(node.arguments) ? node.arguments : [];
      const called = textOf(node.callee, code);
      if (/^(it|test)\b/.test(called) && !/\.(skip|todo)\b/.test(called)) titles.add(literal(title, code));
    }
    for (const child of Object.values(node)) visit(child);
  };
  visit(program);
  return titles;
}

function textOf(node: unknown, code: string): string {
  const hasPlace = typeof node === 'object' && node !== null && 'start' in node && 'end' in node;
  return hasPlace ? code.slice(Number(node.start), Number(node.end)) : '';
}

function literal(node: unknown, code: string): string {
  const isText = typeof node === 'object' && node !== null && 'value' in node && typeof node.value === 'string';
  return isText ? String(node.value) : textOf(node, code).slice(1, -1);
}

describe('SECURITY.md', () => {
  it('has a threat model', () => {
    expect(rows.length).toBeGreaterThan(40);
  });

  it.each(rows)('$threat: is held, and by tests that are there', ({ held, proofs }) => {
    expect(held).not.toBe('');
    expect(proofs.length).toBeGreaterThan(0);
    for (const { file, title } of proofs) {
      expect(existsSync(join(ROOT, file)), file).toBe(true);
      expect(titlesIn(file), file).toContain(title);
    }
  });

  it('names no test in any other way', () => {
    const named = Array.from(threats.matchAll(/`test\//g)).length;
    expect(rows.reduce((sum, { proofs }) => sum + proofs.length, 0)).toBe(named);
  });
});
