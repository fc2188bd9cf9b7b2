import { readNodeFile, TextFile } from '../../config/text-file.js';
import { systemClock } from '../../core/clock.js';
import { packageVersion } from '../../server/package-version.js';
import { CommandError, exitCodes, toUsage } from '../command-error.js';
import { LineLog } from '../line-log.js';
import { endsInTime } from './ends-in-time.js';
import type { FlagValues } from './serve-flags.js';
import { type FileTexts, readFlags, serveSettings } from './serve-settings.js';
import { Serving } from './serving.js';
import { StopSignals } from './stop-signals.js';

/** Milliseconds that the end may take beyond what it is given: logs are written, and a load is in native code. */
const marginMs = 5000;

/**
 * `servable serve`: serves until it is told to stop. All that it writes goes to stderr.
 *
 * @returns the code that the process is to end with; why, where it is not 0, stands in the log.
 * @throws CommandError for flags that are wrong.
 */
export async function serve(flags: FlagValues): Promise<number> {
  const settings = serveSettings(flags, { env: process.env, texts: await readTexts(flags) });
  const logger = new LineLog({
    ...settings.log,
    write: (line) => process.stderr.write(line),
    isColoured: process.stderr.isTTY && process.stderr.hasColors(), // not where NO_COLOR is set
  });
  logger.info(
    { event: 'process', pid: process.pid },
    `servable ${packageVersion} on Node ${process.version}`,
  );
  for (const warning of settings.warnings) logger.warn({ event: 'flag' }, warning);
  const signals = new StopSignals(process, (exitCode) => {
    logger.warn({ event: 'killed' }, 'A second signal: ending at once');
    process.exit(exitCode);
  });
  try {
    const serving = await Serving.make(settings, logger);
    await serving.listen();
    await Promise.race([serving.start(), signals.first]); // a start may take long, and be given up
    const signal = await signals.first;
    logger.info({ event: 'stopping', signal }, `${signal}: stopping; another one ends at once`);
    const limitMs = settings.lameDuckMs + settings.drainGraceMs + marginMs;
    if (!(await endsInTime(serving.stop(), limitMs, systemClock))) {
      logger.warn({ event: 'late' }, 'Not all has ended in time; ending all the same');
    }
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    logger.error({ event: 'failed' }, error.message); // in the form in which a log is read
    return error.exitCode;
  } finally {
    signals.close();
  }
}

/** @throws CommandError where a file cannot be read. */
async function readTexts(flags: FlagValues): Promise<FileTexts> {
  const given = readFlags.filter((flag) => flags[flag]);
  const entries = given.map(async (flag) => [flag, await readText(flag, flags[flag] as string)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function readText(flag: string, path: string): Promise<string> {
  const file = new TextFile({
    path,
    kind: `--${flag}`,
    readTimeoutMs: 10_000,
    maxFileBytes: 64 * 2 ** 20,
    clock: systemClock,
    readFile: readNodeFile,
  });
  try {
    return await file.read();
  } catch (error) {
    throw toUsage(error);
  }
}
