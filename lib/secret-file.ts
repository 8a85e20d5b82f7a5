import { closeSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { nanoid } from 'nanoid';
import { ConfigError } from './config.ts';

const SECRET_LENGTH = 48;
const LEAST_LENGTH = 32;

/**
 * The secret that a gateway without `GATEWAY_SECRET` makes for itself, kept beside its data. It is on the disk, whole,
 * before anything is sealed with it; of several processes that start together one makes it.
 * @throws ConfigError when the file holds no secret
 */
export function ownSecret(dataDir: string): string {
  const path = join(dataDir, 'secret');
  return readSecret(path) ?? makeSecret(dataDir, path);
}

function readSecret(path: string): string | null {
  try {
    const secret = readFileSync(path, 'utf8').trim();
    if (secret.length >= LEAST_LENGTH) return secret;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
  throw new ConfigError(`${path}: holds no secret; put back the one that it held, or set GATEWAY_SECRET`);
}

function makeSecret(dataDir: string, path: string): string {
  const draft = join(dataDir, `secret.${nanoid()}`);
  const file = openSync(draft, 'wx', 0o600);
  writeSync(file, nanoid(SECRET_LENGTH));
  fsyncSync(file);
  closeSync(file);
  try {
    // The name appears with all of the content behind it, or not at all.
    linkSync(draft, path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
  unlinkSync(draft);
  const folder = openSync(dataDir, 'r');
  fsyncSync(folder);
  closeSync(folder);
  return readSecret(path) ?? makeSecret(dataDir, path);
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
