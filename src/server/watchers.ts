import type { BatchingObserver } from '../batching/batching-observer.js';
import type { LoadReport, LookReport } from '../control/lifecycle-observer.js';
import type { ManagerFailure } from '../control/manager.js';
import type { ServableStatus } from '../control/servable-state.js';
import type { ServingError } from '../core/errors.js';
import { notify } from '../core/notify.js';
import type { RequestObserver, WireObserver } from '../core/request-records.js';
import type { UnbatchedReport } from '../core/servable.js';
import { EventLog } from '../logging/event-log.js';
import { SlowRequestLog } from '../logging/slow-request-log.js';
import type { Meters } from '../metrics/meters.js';
import type { ResolvedOptions } from '../options/server-options.js';
import type { RequestLogObserver } from '../request-log/request-log-observer.js';
import type { LabelMove } from '../routing/labels.js';
import { hasMlmdKey } from '../warmup/mlmd-key.js';
import type { WarmupReport } from '../warmup/warmup-loader.js';
import type { ConfigReport } from './model-config-file.js';
import type { Emit } from './server-events.js';

/** Who is told what happens, by who tells it: the meters, the log, the host's observers, and the listeners of events. */
export interface Watchers {
  readonly requests: RequestObserver;
  readonly wires: WireObserver;
  readonly batching: BatchingObserver;
  readonly requestLogs: RequestLogObserver;
  readonly onState: (status: ServableStatus) => void;
  readonly onFailure: (failure: ManagerFailure) => void;
  readonly onLoad: (report: LoadReport) => void;
  readonly onLook: (report: LookReport) => void;
  readonly onWarmup: (report: WarmupReport) => void;
  readonly onUnbatched: (report: UnbatchedReport) => void;
  readonly onLabel: (move: LabelMove) => void;
  readonly onConfig: (report: ConfigReport) => void;
  readonly onListenerFailure: (error: ServingError) => void;
  readonly onModels: (models: readonly string[]) => void;
  readonly onStarted: (models: readonly string[]) => void;
  readonly onClosing: (what: undefined) => void;
  readonly onClosed: (what: undefined) => void;
}

/** Each is told whatever the others throw. */
export function watchersOf(options: ResolvedOptions, meters: Meters, emit: Emit): Watchers {
  const { lifecycleObserver: host, batchingObserver, requestLogObserver, logger } = options;
  const { batching, lifecycle, requestLogs } = meters;
  const log = logger && new EventLog(logger);
  return {
    ...requestWatchers(options, meters),
    batching: {
      onRun: tell(
        (run) => batching.onRun(run),
        (run) => batchingObserver.onRun?.(run),
      ),
      onRefused: tell((refusal) => batchingObserver.onRefused?.(refusal)),
      onSplit: tell(
        (split) => batching.onSplit(split),
        (split) => batchingObserver.onSplit?.(split),
      ),
    },
    requestLogs: {
      onLogged: tell(
        (request) => requestLogs.onLogged(request),
        (request) => requestLogObserver.onLogged?.(request),
      ),
      onDropped: tell(
        (request) => requestLogs.onDropped(request),
        (request) => requestLogObserver.onDropped?.(request),
      ),
      onFailure: tell(
        (error) => log?.onRequestLogFailure(error),
        (error) => requestLogObserver.onFailure?.(error),
      ),
    },
    onState: tell(
      () => meters.onState(),
      (status) => log?.onState(status),
      (status) => host.onState?.(status),
      (status) => emit('state', status),
    ),
    onFailure: tell(
      (failure) => log?.onFailure(failure),
      (failure) => emit('failure', failure),
    ),
    onLoad: tell(
      ({ id, path }) => meters.notePath(id, path),
      (report) => lifecycle.onLoad(report),
      (report) => void noteMlmdKey(report, meters),
      (report) => log?.onLoad(report),
      (report) => host.onLoad?.(report),
    ),
    onLook: tell(
      (report) => lifecycle.onLook(report),
      (report) => host.onLook?.(report),
    ),
    onWarmup: tell(
      ({ id, path }) => meters.notePath(id, path),
      (report) => lifecycle.onWarmup(report),
      (report) => log?.onWarmup(report),
      (report) => host.onWarmup?.(report),
    ),
    onUnbatched: tell(
      (report) => log?.onUnbatched(report),
      (report) => emit('unbatched', report),
    ),
    onLabel: tell(
      (move) => lifecycle.onLabel(move),
      (move) => log?.onLabel(move),
      (move) => emit('label', move),
    ),
    onConfig: tell(
      (report) => lifecycle.onConfig('file', 'error' in report ? report.error : undefined),
      (report) => log?.onConfig(report),
      (report) => emit('config', report),
    ),
    onListenerFailure: tell((error) => log?.onListenerFailure(error)),
    onModels: tell(
      (models) => log?.onModels(models),
      () => emit('models'),
    ),
    onStarted: tell(
      (models) => log?.onStarted(models),
      () => emit('started'),
    ),
    onClosing: tell(
      () => log?.onClosing(),
      () => emit('closing'),
    ),
    onClosed: tell(() => log?.onClosed()),
  };
}

async function noteMlmdKey({ id, path, error }: LoadReport, { lifecycle }: Meters): Promise<void> {
  if (error === undefined && (await hasMlmdKey(path))) lifecycle.onMlmdKey(id);
}

function tell<T>(...listeners: readonly ((what: T) => void)[]): (what: T) => void {
  return (what) => {
    for (const listener of listeners) notify(listener, what);
  };
}

/** These are told so often that nobody is told who does not care. */
function requestWatchers(
  { logger, slowRequestMs }: ResolvedOptions,
  { requests, wires }: Meters,
): Pick<Watchers, 'requests' | 'wires'> {
  if (logger === undefined || slowRequestMs === Number.POSITIVE_INFINITY) return { requests, wires };
  const slow = new SlowRequestLog(logger, slowRequestMs);
  return {
    requests: {
      onAnswer: tell(
        (record) => requests.onAnswer(record),
        (record) => slow.onAnswer(record),
      ),
    },
    wires: {
      onWireAnswer: tell(
        (record) => wires.onWireAnswer(record),
        (record) => slow.onWireAnswer(record),
      ),
    },
  };
}
