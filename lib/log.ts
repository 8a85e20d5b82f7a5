export type LogLevel = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
export type LogFields = Readonly<Record<string, unknown>>;

/** Levelled lines: `[time] [request id] [LEVEL] text | key=value`, or one JSON object a line. */
export interface Log {
  debug(text: string, fields?: LogFields): void;
  info(text: string, fields?: LogFields): void;
  warn(text: string, fields?: LogFields): void;
  error(text: string, fields?: LogFields): void;
  /** The same log, its lines marked with a request's id. */
  for(requestId: string): Log;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
  readonly write: (line: string) => void;
  readonly now?: () => number;
}

const ORDER: Record<LogLevel, number> = { DEBUG: 0, INFO: 1, WARN: 2, ERROR: 3 };

export function createLog(options: LogOptions, requestId = '-'): Log {
  const { level, format, write, now = Date.now } = options;
  const render = format === 'json' ? renderJson : renderText;
  const at = (own: LogLevel) => (text: string, fields: LogFields) => {
    if (ORDER[own] >= ORDER[level]) write(render(new Date(now()).toISOString(), requestId, own, text, fields));
  };
  return {
    debug: (text, fields = {}) => at('DEBUG')(text, fields),
    info: (text, fields = {}) => at('INFO')(text, fields),
    warn: (text, fields = {}) => at('WARN')(text, fields),
    error: (text, fields = {}) => at('ERROR')(text, fields),
    for: (id) => createLog(options, id),
  };
}

function renderText(time: string, requestId: string, level: LogLevel, text: string, fields: LogFields): string {
  const pairs = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  const tail = pairs.map(([key, value]) => `${key}=${scalar(value)}`).join(' ');
  return `[${time}] [${requestId}] [${level}] ${text}${tail === '' ? '' : ` | ${tail}`}`;
}

function renderJson(time: string, requestId: string, level: LogLevel, text: string, fields: LogFields): string {
  const plain = Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? describe(value) : value]);
  return visible(JSON.stringify({ time, request_id: requestId, level, text, ...Object.fromEntries(plain) }));
}

/** One value on one line: a caller's text must not be able to begin a log line of its own. */
function scalar(value: unknown): string {
  const text = value instanceof Error ? describe(value) : typeof value === 'string' ? value : JSON.stringify(value);
  return /[\s|="\p{C}]/u.test(text) ? visible(JSON.stringify(text)) : text;
}

/** Escapes what JSON leaves as it is and a terminal or a viewer may obey: C1 controls, line and direction marks. */
function visible(json: string): string {
  return json.replaceAll(/[\p{C}\u2028\u2029]/gu, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** Class, code and place of a fault and of what caused it; never its message, which may quote what was sent. */
function describe(error: Error): string {
  const code = 'code' in error ? String(error.code) : '';
  // The message may hold lines that look like a place.
  const place = /\n\s+at (.*)/.exec((error.stack ?? '').replace(error.message, () => ''))?.[1];
  const own = [error.name, code, place].filter(Boolean).join(' ');
  return error.cause instanceof Error ? `${own} < ${describe(error.cause)}` : own;
}
