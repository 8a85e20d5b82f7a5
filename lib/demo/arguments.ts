import { isObject, type Json, type JsonObject } from '../json.ts';
import { object, objects, string } from './ask.ts';

// A schema may refer to itself, and fan out while it does: both ways down are bounded.
const maxDepth = 8;
const maxValues = 1_000;
const maxText = 500;

/** The subschema that a local reference such as `#/$defs/Place` points to. */
function resolve(root: JsonObject, ref: string): JsonObject {
  const steps = ref.replace(/^#\/?/, '').split('/').filter(Boolean);
  let here: Json | undefined = root;
  for (const step of steps) here = isObject(here) ? here[step.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined;
  return object(here);
}

/** The schema's type in lower case (Gemini writes `STRING`), taken from its shape where it is not named. */
function typeOf(schema: JsonObject): string | undefined {
  const type = schema['type'];
  const named = Array.isArray(type) ? type.find((entry) => entry !== 'null') : type;
  if (typeof named === 'string') return named.toLowerCase();
  return isObject(schema['properties']) ? 'object' : undefined;
}

function numberWithin(schema: JsonObject): number {
  const minimum = schema['minimum'];
  const maximum = schema['maximum'];
  const floor = typeof minimum === 'number' ? Math.max(1, minimum) : 1;
  return typeof maximum === 'number' ? Math.min(floor, maximum) : floor;
}

/** Fills one tool call's arguments after another from their schemas, with `text` for every free string. */
export function argumentFiller(text: string): (schema: JsonObject) => JsonObject {
  let left = maxValues;
  const free = text.slice(0, maxText).toWellFormed();

  const fill = (schema: JsonObject, root: JsonObject, depth: number): Json => {
    left -= 1;
    if (left < 0 || depth > maxDepth) return null;
    if (schema['const'] !== undefined) return schema['const'];
    const choices = schema['enum'];
    if (Array.isArray(choices) && choices[0] !== undefined) return choices[0];
    const ref = string(schema['$ref']);
    if (ref !== undefined) return fill(resolve(root, ref), root, depth + 1);
    const [variant] = [...objects(schema['anyOf']), ...objects(schema['oneOf']), ...objects(schema['allOf'])];
    if (variant !== undefined) return fill(variant, root, depth + 1);
    switch (typeOf(schema)) {
      case 'object':
        return fillObject(schema, root, depth);
      case 'array':
        return [fill(object(schema['items']), root, depth + 1)];
      case 'number':
      case 'integer':
        return numberWithin(schema);
      case 'boolean':
        return true;
      case 'null':
        return null;
      default: {
        const max = schema['maxLength'];
        return typeof max === 'number' ? free.slice(0, max).toWellFormed() : free;
      }
    }
  };

  const fillObject = (schema: JsonObject, root: JsonObject, depth: number): JsonObject =>
    Object.fromEntries(
      Object.entries(object(schema['properties'])).map(([key, value]) => [key, fill(object(value), root, depth + 1)]),
    );

  return (schema) => {
    const value = fill(schema, schema, 0);
    return isObject(value) ? value : {};
  };
}
