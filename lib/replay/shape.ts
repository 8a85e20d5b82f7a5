import { isObject, type Json, type JsonObject } from '../json.ts';

/** A string that says something. */
export function filled(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The list's objects, or nothing where it is no list: for what a provider may have left out or malformed. */
export function objectsIn(list: Json | undefined): JsonObject[] {
  return Array.isArray(list) ? list.filter(isObject) : [];
}
