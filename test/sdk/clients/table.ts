import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, parseJson } from '../../../lib/json.ts';
import type { Client } from './client.ts';
import type { Note } from './notes.ts';
import type { Outcomes } from './outcomes.ts';
import { WAYS, type Way } from './ways.ts';

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

const ROOT = join(import.meta.dirname, '../../..');

const FORMAT_NAMES = {
  chat: 'Chat Completions',
  completions: 'Completions (legacy)',
  responses: 'Responses',
  messages: 'Anthropic Messages',
  gemini: 'Gemini',
};

/** The document that tells the outcomes. `runs` is how often each client has to pass each scenario: once on each composition. */
export function clientsDocument(clients: readonly Client[], outcomes: Outcomes, runs: number): string {
  const notes: Note[] = [];
  const mark = (client: Client, way: Way) => {
    if (!way.fits(client)) return '–';
    const { passed, notes: needed } = outcomes.cell(client, way);
    if (passed < runs * client.scenarios.length) return '✗';
    // In the order of the client's own list, so that the numbers do not depend on the scenarios'.
    const marks = (client.notes ?? [])
      .filter((note) => needed.has(note))
      .map((note) => superscript(numberOf(note, notes)));
    return ['✓', ...marks].join(' ');
  };
  const rows = clients.map((client) => [
    nameOf(client),
    FORMAT_NAMES[client.format],
    client.calls,
    ...WAYS.map((way) => mark(client, way)),
  ]);
  const head = ['client', 'format', 'called', ...WAYS.map(({ name }) => name)];
  const table = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
  return [INTRODUCTION, ...table, '', ...notes.map(({ text }, index) => `${index + 1}. ${text}`), ''].join('\n');
}

function superscript(number: number): string {
  return Array.from(String(number), (digit) => SUPERSCRIPTS[Number(digit)]).join('');
}

function numberOf(note: Note, notes: Note[]): number {
  if (!notes.includes(note)) notes.push(note);
  return notes.indexOf(note) + 1;
}

function nameOf({ name, package: packageName }: Client): string {
  const names = name === packageName ? [name] : [name, packageName];
  return names.map((each) => `${each} ${versionOf(each)}`).join(' with ');
}

function versionOf(packageName: string): string {
  const found = parseJson(readFileSync(join(ROOT, 'node_modules', packageName, 'package.json'), 'utf8'));
  const version = isObject(found) ? found['version'] : undefined;
  if (typeof version !== 'string') throw new Error(`${packageName} has no version.`);
  return version;
}

const INTRODUCTION = `# Clients

This page is made by \`test/sdk/clients.test.ts\` (\`npm run docs:clients\`), which fails where the page is not what it finds.

Each client is the unmodified package, pointed at the running gateway, on both compositions: SQLite, and Redis + QStash. ✓ means that it
gives its user the same as when it talks to the provider without a gateway; the numbers are differences, told below. The provider
is a server of the tests that answers whole and in its own hand-written stream, cut as tokenizers cut. It says text in many scripts with
emoji, thoughts, signatures, refusals, citations, log probabilities, several choices, and calls of tools with empty and with large
inputs, as far as the format and the client have them. Where the client runs tools, their results go back and a second answer comes.

| way | |
|---|---|
| sync | a call without a stream |
| native stream | a stream that the provider sends |
| fake stream | \`X-Gateway-Stream: replay\`: a stream from a whole answer |
| job + replay | \`Prefer: respond-async\` on a call without a stream; the job's \`/result\` and its \`/stream\`, read by the client |
| streamed job | the same on a call with a stream, whose \`/stream\` the client reads while the job runs |
| continued job | \`/stream?starting_after=n\` of both kinds of job, from several places on: the rest of the same events, number by number. – for clients that read no stream by its URL |

Headers go by each client's own option for them. For jobs its \`fetch\` option brings the client to the job's URLs, which none has a name for:
what it sends and how it reads are its own. Left out of the comparison are HTTP headers, times of the call, ids that a client makes
up for each call, and \`obfuscation\`, OpenAI's random padding of deltas; texts are compared joined, as they are cut elsewhere.
`;
