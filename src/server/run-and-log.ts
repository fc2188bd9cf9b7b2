import type { RunRequest, Servable } from '../core/servable.js';
import type { TensorMap } from '../core/tensor.js';
import { captureTensors } from '../request-log/capture-tensors.js';
import type { RequestEntry } from '../request-log/request-entry.js';
import type { RequestLogs } from '../request-log/request-logs.js';

/** What a run is logged as: a predict request to one signature. */
export interface LoggedAs {
  /** The signature's name. */
  readonly signature: string;
  readonly outputFilter: readonly string[] | undefined;
  /** The signature's outputs, by its aliases, of those of the run. */
  readonly outputsOf: (outputs: TensorMap) => TensorMap;
}

/** Runs a request that is checked, and logs it with its answer, as each of these. */
export async function runAndLog(
  servable: Servable,
  request: RunRequest,
  loggedAs: readonly LoggedAs[],
  logs: RequestLogs,
): Promise<TensorMap> {
  const { id } = servable;
  const inputs = captureTensors(request.inputs); // now: the caller may change them as soon as the run has begun
  const timestampSecs = Date.now() / 1000;
  const outputs = await servable.run(request);
  const captured = captureTensors(outputs);
  for (const { signature, outputFilter, outputsOf } of loggedAs) {
    const entry: RequestEntry = {
      spec: { ...id, signature },
      inputs,
      ...(outputFilter && { outputFilter }),
      outputs: outputsOf(captured),
      timestampSecs,
    };
    logs.for(id.model)?.offer(entry);
  }
  return outputs;
}
