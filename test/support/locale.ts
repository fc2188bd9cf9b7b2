import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const name = 'en_US.UTF-8';

/** True where the C library of this process finds en_US.UTF-8, which some of onnxruntime's string operators need. */
export function isLocaleInstalled(): boolean {
  try {
    const installed = execFileSync('locale', ['-a'], { encoding: 'utf8' });
    return /^en_US\.utf-?8$/im.test(installed);
  } catch {
    return process.platform !== 'linux'; // Other systems carry it, and their own way to say so.
  }
}

/**
 * Makes en_US.UTF-8 available to this process alone, from the sources that the system holds.
 *
 * `LOCPATH` is read by the C library each time a locale is opened, so setting it works in a running process, but
 * only on its main thread, where `process.env` is the real environment.
 *
 * @returns undefined where the locale is there, else why it is not
 */
export function provideLocale(folder: string): string | undefined {
  if (isLocaleInstalled()) return undefined;
  try {
    execFileSync('localedef', ['-i', 'en_US', '-f', 'UTF-8', join(folder, name)], { stdio: 'pipe' });
  } catch (cause) {
    return `localedef cannot make ${name}: ${cause instanceof Error ? cause.message : cause}`;
  }
  process.env.LOCPATH = folder;
  return undefined;
}
