import { execFile, spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, truncateSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const SIZE_BYTES = 48 * 1024 * 1024;
const BLOCK_BYTES = 4_096;

/** A file system of its own that can be filled up and made read-only under whoever uses it. */
export interface SmallDisk {
  readonly folder: string;
  /** Takes all the room that is left; `false` gives it back. */
  fill(full: boolean): void;
  /**
   * Has every write to the databases and logs in `folder` refused, those that are open too, or lets it again. The `-shm` files
   * stay as they are: SQLite maps them into memory, and the kernel answers a write to a map of what is read-only with SIGBUS.
   */
  freeze(frozen: boolean): Promise<void>;
  stop(): Promise<void>;
}

const run = promisify(execFile);

/** Why this machine cannot have one, `null` where it can. */
export async function whyNoSmallDisk(): Promise<string | null> {
  try {
    const disk = await startSmallDisk();
    await disk.freeze(true);
    await disk.freeze(false);
    await disk.stop();
    return null;
  } catch (error) {
    const [reason = ''] = String(error).split('\n');
    return `no small ext4 file system can be mounted here (it needs root, mkfs.ext4, a loop device and chattr): ${reason}`;
  }
}

/** @throws where the machine does not let us */
export async function startSmallDisk(): Promise<SmallDisk> {
  const base = await mkdtemp(join(tmpdir(), 'drill-disk-'));
  const [image, mounted] = [join(base, 'image'), join(base, 'mounted')];
  try {
    await mkdir(mounted);
    await writeFile(image, '');
    truncateSync(image, SIZE_BYTES);
    // Nothing kept back for root, who would else have room where nobody has.
    await run('mkfs.ext4', ['-q', '-m', '0', image]);
    await run('mount', ['-o', 'loop', image, mounted]);
  } catch (error) {
    await rm(base, { recursive: true, force: true });
    throw error;
  }
  // A drill that ends in the middle must not leave it mounted; whoever still uses it keeps it for as long.
  const unmount = () => void spawnSync('umount', ['-l', mounted]);
  process.once('exit', unmount);
  const folder = join(mounted, 'data');
  await mkdir(folder);
  const filler = join(mounted, 'filler');
  await writeFile(filler, '');
  return {
    folder,
    fill: (full) => (full ? fillUp(filler) : truncateSync(filler)),
    async freeze(frozen) {
      const names = readdirSync(folder).filter((name) => /\.db(-wal)?$/.test(name));
      const files = names.map((name) => join(folder, name));
      if (files.length > 0) await run('chattr', [frozen ? '+i' : '-i', ...files]);
    },
    async stop() {
      process.off('exit', unmount);
      await run('umount', [mounted]);
      await rm(base, { recursive: true, force: true });
    },
  };
}

function fillUp(path: string): void {
  const file = openSync(path, 'a');
  try {
    for (let block = 256 * BLOCK_BYTES; block >= BLOCK_BYTES; ) {
      if (!wrote(file, Buffer.alloc(block))) block /= 2;
    }
  } finally {
    closeSync(file);
  }
}

/** Whether there was room for all of it. */
function wrote(file: number, bytes: Buffer): boolean {
  try {
    return writeSync(file, bytes) === bytes.length;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
    throw error;
  }
}
