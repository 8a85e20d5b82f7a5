import { parseSync } from 'oxc-parser';
import { describe, expect, it } from 'vitest';
import { readSources } from './imports.ts';

/** What a secret is called by the last word of its name. */
const SECRET = /(token|secret|signature|passw|password|key|keys|credential|hash|owner)$/i;
/** What an `===` may hold beside a secret: not another text. */
const NO_TEXT = /^(null|undefined|true|false|\d+|'[^']*'|"[^"]*"|`[^`$]*`)$/;

/** Comparisons of a secret with a text: they end at the first difference, and how long they took tells where it was. */
function comparisonsIn(path: string, code: string): string[] {
  const found: string[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if ('type' in node && node.type === 'BinaryExpression' && 'left' in node && 'right' in node && 'operator' in node) {
      const sides = [textOf(node.left, code), textOf(node.right, code)];
      const isEquality = /^[!=]==?$/.test(String(node.operator));
      const isOfSecret = sides.some((side) => SECRET.test(side)) && !sides.some((side) => NO_TEXT.test(side));
      if (isEquality && isOfSecret) found.push(`${path}: ${sides.join(` ${node.operator} `)}`);
    }
    for (const child of Object.values(node)) visit(child);
  };
  visit(parseSync(path, code).program);
  return found;
}

function textOf(node: unknown, code: string): string {
  const hasPlace = typeof node === 'object' && node !== null && 'start' in node && 'end' in node;
  return hasPlace ? code.slice(Number(node.start), Number(node.end)) : '';
}

describe('comparisons in constant time', () => {
  it('no secret is compared as a text is', () => {
    const sources = Array.from(readSources().values());
    expect(sources.length).toBeGreaterThan(100);
    expect(sources.flatMap(({ path, code }) => comparisonsIn(path, code))).toEqual([]);
  });

  it.each([
    'if (given === token) open();',
    'const same = config.gatewaySecret !== request.secret;',
    'return keys.some(({ key }) => key == text);',
    'const ok = readHash === text.trim();',
  ])('what compares them is found by this test', (code) => {
    expect(comparisonsIn('example.ts', code)).toHaveLength(1);
  });

  it('what only looks whether there is one is none', () => {
    expect(comparisonsIn('example.ts', "token === null || key !== '' || secret.length === 3")).toEqual([]);
  });

  it('gateway keys, tokens and signatures go by the functions that are made for it', () => {
    const sources = readSources();
    const code = (path: string) => sources.get(path)?.code ?? '';
    expect(code('lib/http/auth.ts')).toContain("(await keys).get(await secrets.hash('gateway-key', token))");
    expect(code('lib/secrets.ts')).toContain('valid.some((candidate) => equalInConstantTime(candidate, given))');
    expect(code('lib/jobs/access.ts')).toContain('isReadToken(context.secrets, id, token)');
    expect(code('lib/gateway/signature.ts')).toContain("isHash(secrets, 'forward'");
  });
});
