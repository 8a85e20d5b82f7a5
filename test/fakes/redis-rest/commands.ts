import { type Json, parseJson } from '../../../lib/json.ts';

/** One command of a request, or why it is none. */
export type Parsed = { readonly args: readonly string[] } | { readonly error: string };

/** What would change or occupy the one connection that all callers share; the vendor's REST refuses these as well. */
const REFUSED = new Set([
  ...['AUTH', 'CLIENT', 'CONFIG', 'HELLO', 'MONITOR', 'QUIT', 'RESET', 'SELECT', 'SHUTDOWN', 'SWAPDB'],
  ...['MULTI', 'EXEC', 'DISCARD', 'WATCH', 'UNWATCH'],
  ...['SUBSCRIBE', 'PSUBSCRIBE', 'SSUBSCRIBE', 'UNSUBSCRIBE', 'PUNSUBSCRIBE', 'SUNSUBSCRIBE'],
  ...['BLPOP', 'BRPOP', 'BLMOVE', 'BLMPOP', 'BRPOPLPUSH', 'BZPOPMIN', 'BZPOPMAX', 'BZMPOP', 'WAIT', 'WAITAOF'],
]);

export function nameOf({ args }: { readonly args: readonly string[] }): string {
  return (args[0] ?? '').toUpperCase();
}

/** `["SET", "k", 1]`: the body of `POST /`. */
export function parseCommand(value: Json | undefined): Parsed {
  if (!Array.isArray(value) || value.length === 0) return { error: 'ERR failed to parse command' };
  const args: string[] = [];
  for (const part of value) {
    if (part === null || typeof part === 'object') return { error: 'ERR failed to parse command: not a plain value' };
    args.push(String(part));
  }
  const command = { args };
  const name = nameOf(command);
  const blocks = /^XREAD(GROUP)?$/.test(name) && args.some((arg) => arg.toUpperCase() === 'BLOCK');
  return REFUSED.has(name) || blocks ? { error: `ERR Command is not available: '${args[0]}'` } : command;
}

/** The commands of a request: one for `/`, else a list of them; `null` when the body has not that form. */
export function parseCommands(path: string, body: Buffer): Parsed[] | null {
  const value = parseJson(body.toString());
  if (path === '/') return [parseCommand(value)];
  return Array.isArray(value) && value.length > 0 ? value.map(parseCommand) : null;
}
