type Evaluate = (retried: number) => number;

const FUNCTIONS: Readonly<Record<string, { readonly count: number; readonly apply: (...of: number[]) => number }>> = {
  pow: { count: 2, apply: Math.pow },
  sqrt: { count: 1, apply: Math.sqrt },
  abs: { count: 1, apply: Math.abs },
  exp: { count: 1, apply: Math.exp },
  floor: { count: 1, apply: Math.floor },
  ceil: { count: 1, apply: Math.ceil },
  round: { count: 1, apply: Math.round },
  min: { count: 2, apply: Math.min },
  max: { count: 2, apply: Math.max },
};

const OPERATORS: Readonly<Record<string, (left: number, right: number) => number>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left % right,
};

/**
 * `Upstash-Retry-Delay`: arithmetic over numbers, `retried` and the nine functions that the vendor names; nothing else
 * is read, nothing is run.
 * @throws Error when it is no such expression
 */
export function compileDelay(source: string): Evaluate {
  const tokens = source.match(/\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\w+|\S/g) ?? [];
  let at = 0;
  const peek = () => tokens[at] ?? '';
  const fail = (): never => {
    throw new Error(`invalid retry delay expression: ${source}`);
  };
  const expect = (token: string) => {
    if (peek() !== token) fail();
    at += 1;
  };

  const chain = (operators: readonly string[], operand: () => Evaluate): Evaluate => {
    let left = operand();
    while (operators.includes(peek())) {
      const apply = OPERATORS[peek()] ?? fail();
      at += 1;
      const [first, second] = [left, operand()];
      left = (retried) => apply(first(retried), second(retried));
    }
    return left;
  };
  const sum = (): Evaluate => chain(['+', '-'], product);
  const product = (): Evaluate => chain(['*', '/', '%'], unary);
  const unary = (): Evaluate => {
    if (peek() !== '-') return primary();
    at += 1;
    const inner = unary();
    return (retried) => -inner(retried);
  };
  const primary = (): Evaluate => {
    const token = peek();
    at += 1;
    if (/^\d/.test(token)) {
      const value = Number(token);
      return Number.isNaN(value) ? fail() : () => value;
    }
    if (token === 'retried') return (retried) => retried;
    if (token === '(') {
      const inner = sum();
      expect(')');
      return inner;
    }
    return call(token);
  };
  const call = (name: string): Evaluate => {
    const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (known === undefined) return fail();
    expect('(');
    const given = [sum()];
    while (peek() === ',') {
      at += 1;
      given.push(sum());
    }
    expect(')');
    if (given.length !== known.count) fail();
    return (retried) => known.apply(...given.map((evaluate) => evaluate(retried)));
  };

  const whole = sum();
  if (at !== tokens.length) fail();
  return whole;
}
