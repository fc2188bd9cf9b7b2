import type { Clock } from '../../core/clock.js';
import { commonRowCount } from '../../core/rows.js';
import type { Servable } from '../../core/servable.js';
import type { Signature } from '../../core/signature.js';
import type { FinishedRun } from '../batch-policy.js';

/** The servable, but that each run that ends well is told, with what it took. */
export function timeRuns(servable: Servable, clock: Clock, onRun: (run: FinishedRun) => void): Servable {
  const { id, metadata, signatures } = servable;
  return {
    id,
    metadata,
    signatures,
    async run(request) {
      const rows = commonRowCount(request.inputs) ?? 0;
      const startedMs = clock.now();
      const outputs = await servable.run(request);
      if (rows > 0 && isFixedRow(request.signature)) onRun({ rows, startedMs, endedMs: clock.now() });
      return outputs;
    },
    unload: () => servable.unload(),
  };
}

/** True where all rows are of one size: where they are not, a row that was made up says nothing of those to come. */
function isFixedRow({ inputs }: Signature): boolean {
  return Object.values(inputs).every(({ shape }) => shape.slice(1).every((dim) => typeof dim === 'number'));
}
