import { join } from 'node:path';
import { tensor, writeWarmupFile } from 'servable';

/** Writes a warm-up file of one request of one row, of float32. */
export async function warmupOf(
  basePath: string,
  version: number,
  row: Readonly<Record<string, readonly number[]>>,
): Promise<void> {
  const inputs = Object.entries(row).map(
    ([alias, values]) => [alias, tensor('float32', [1, values.length], values)] as const,
  );
  await writeWarmupFile(join(basePath, String(version)), [{ inputs: Object.fromEntries(inputs) }]);
}
