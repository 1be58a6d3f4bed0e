import { readFileSync } from 'node:fs';

/** From the folder of this module: in the source tree, and in the built one. */
const PLACES = ['../../package.json', '../../../package.json'];

/** The version of this program. */
export function programVersion(): string {
  for (const place of PLACES) {
    try {
      const { version } = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as { version?: string };
      if (version !== undefined) return version;
    } catch {
      // the other place
    }
  }
  return 'unknown';
}
