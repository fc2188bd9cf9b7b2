import { type ErrorFacts, ServingError, type StatusCode, withoutStack } from '../core/errors.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';

// The wording is TF Serving's where it has one (shared_batch_scheduler.h, batching_session.cc, batching_util.cc).

/** The error for a request that finds no room; it may find some later. */
export function queueFull(id: ServableId, waiting: number, maxEnqueuedBatches: number): ServingError {
  return refusal(
    'UNAVAILABLE',
    `The batch scheduling queue to which this task was submitted is full; currently ${waiting} batches enqueued and max_enqueued_batches is ${maxEnqueuedBatches}`,
    {
      id,
      actual: `${waiting} batches enqueued`,
      expected: `less than ${maxEnqueuedBatches}`,
      reason: 'queue_full',
    },
  );
}

/** What a request that is cut into pieces found. */
export interface Capacity {
  readonly rows: number;
  readonly capacity: number;
  readonly waiting: number;
  readonly openRows: number;
  readonly maxRows: number;
  readonly maxEnqueuedBatches: number;
}

/** The error for a request that is cut into pieces, for which there is not enough room. */
export function queueTooFull(id: ServableId, found: Capacity): ServingError {
  const { rows, capacity, waiting, openRows, maxEnqueuedBatches, maxRows } = found;
  const details = [
    `num_enqueued_batches=${waiting}`,
    `max_enqueued_batches=${maxEnqueuedBatches}`,
    `open_batch_size=${openRows}`,
    `max_execution_batch_size=${maxRows}`,
  ];
  return refusal(
    'UNAVAILABLE',
    `The batch scheduling queue to which this task was submitted is full; task size is ${rows} but scheduling capacity is only ${capacity} (${details.join(', ')})`,
    { id, actual: `${rows} rows`, expected: `at most ${capacity} rows`, reason: 'queue_full' },
  );
}

/** The error for a request that is larger than a batch, where none is cut. */
export function tooLarge(id: ServableId, rows: number, maxRows: number): ServingError {
  return new ServingError(
    'INVALID_ARGUMENT',
    `Task size ${rows} is larger than maximum input batch size ${maxRows}`,
    { id, actual: `${rows} rows`, expected: `at most ${maxRows} rows` },
  );
}

/** The error for a request whose deadline passed in the queue. TF Serving says RESOURCE_EXHAUSTED to that. */
export function expired(id: ServableId): ServingError {
  return refusal('DEADLINE_EXCEEDED', 'Run() timeout exceeded while waiting in batching queue', {
    id,
  });
}

/** The error for a request that comes after the version was unloaded. */
export function unloaded(id: ServableId): ServingError {
  return new ServingError('UNAVAILABLE', `Cannot run ${formatServableId(id)}: it is unloaded`, { id });
}

/** The error of everybody in a batch whose output has no rows to give. */
export function scalarOutput(id: ServableId, output: string): ServingError {
  return new ServingError('FAILED_PRECONDITION', 'Batched output tensor has 0 dimensions', {
    id,
    output,
    actual: 'a scalar',
    expected: 'the rows of the inputs',
  });
}

/** The error of everybody in a batch whose output has another number of rows. */
export function unequalRows(id: ServableId, output: string, actual: number, expected: number): ServingError {
  return new ServingError(
    'FAILED_PRECONDITION',
    "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the input tensors",
    { id, output, actual: `${actual} rows`, expected: `${expected} rows` },
  );
}

/** What those are told who find no place. There may be very many of them, and none is a mistake in a program. */
export function refusal(code: StatusCode, message: string, facts: ErrorFacts): ServingError {
  return withoutStack(() => new ServingError(code, message, facts));
}
