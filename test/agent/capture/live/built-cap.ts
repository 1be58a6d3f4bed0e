import { createRequire } from 'node:module';

/** cap builds itself only when asked: where nobody did, only CI insists on it. */
export function isCapTested(): boolean {
  try {
    createRequire(import.meta.url)('cap');
    return true;
  } catch {
    if (process.env.CI) return true;
    console.error('cap is not built, so that its tests are left out: npm rebuild cap --ignore-scripts=false');
    return false;
  }
}
