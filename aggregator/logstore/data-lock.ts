import { createServer } from 'node:net';
import { statSync } from 'node:fs';
import { WeirError } from '../../shared/errors.ts';

/** Held while a collector runs on a data directory. */
export interface DataLock {
  release(): Promise<void>;
}

/**
 * Two collectors on one directory would lose data. Linux' abstract sockets make a lock that the kernel drops with its
 * process, however that ends; it holds among the processes of one network namespace. Elsewhere there is none.
 */
export async function lockDataDirectory(path: string): Promise<DataLock> {
  if (process.platform !== 'linux') return { release: async () => {} };
  const { dev, ino } = statSync(path);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(cause.code === 'EADDRINUSE'
        ? new WeirError('STORAGE', `another collector runs on ${path}; stop it, or give this one its own --data directory`, { cause })
        : cause);
    });
    server.listen(`\0weir-collector-${dev}-${ino}`, resolve);
  });
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}
