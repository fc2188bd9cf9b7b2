import type { handleServerStreamingCall, Server } from '@grpc/grpc-js';
import { ServingError } from '../../core/errors.js';
import { decodeSmallMessage, grpc } from '../../wire/messages.js';
import type { ByteBudget } from '../byte-budget.js';
import { grpcStatusOf } from '../status.js';
import type { Method } from '../tfs/method.js';
import type { Health, HealthMonitor } from './health-monitor.js';
import { bytesService } from './service.js';
import { unary } from './unary.js';

const { HealthCheckRequest, HealthCheckResponse, HealthListResponse } = grpc.health.v1;
const { ServingStatus } = HealthCheckResponse;

type Watch = handleServerStreamingCall<Uint8Array, Uint8Array>;

/** Adds `grpc.health.v1.Health`. Source: gRPC, doc/health-checking.md. */
export function addHealthService(grpcServer: Server, monitor: HealthMonitor, budget: ByteBudget): void {
  const definition = bytesService('grpc.health.v1.Health', {
    Check: {},
    List: {},
    Watch: { responseStream: true },
  });
  grpcServer.addService(definition, {
    Check: unary(checkMethod(monitor), { budget }),
    List: unary(listMethod(monitor), { budget }),
    Watch: watchHandler(monitor),
  });
}

function checkMethod(monitor: HealthMonitor): Method {
  return async (bytes) => {
    const service = serviceOf(bytes);
    const health = monitor.check(service);
    if (health === undefined) throw new ServingError('NOT_FOUND', `Unknown service: ${service}`);
    return HealthCheckResponse.encode(statusMessage(health)).finish();
  };
}

function listMethod(monitor: HealthMonitor): Method {
  return async () => {
    const statuses = [...monitor.list()].map(
      ([service, health]) => [service, statusMessage(health)] as const,
    );
    return HealthListResponse.encode({ statuses: Object.fromEntries(statuses) }).finish();
  };
}

/** A watch ends with its call, or with the server. */
function watchHandler(monitor: HealthMonitor): Watch {
  return (call) => {
    const fail = (error: unknown) => void call.emit('error', grpcStatusOf(error));
    try {
      const end = monitor.watch(serviceOf(call.request), {
        onHealth: (health) => call.write(HealthCheckResponse.encode(statusMessage(health)).finish()),
        onEnd: () => fail(new ServingError('UNAVAILABLE', 'The server is closing')),
      });
      call.once('cancelled', end);
    } catch (error) {
      fail(error);
    }
  };
}

function serviceOf(bytes: Uint8Array): string {
  return decodeSmallMessage('HealthCheckRequest', HealthCheckRequest, bytes).service ?? '';
}

function statusMessage(health: Health): grpc.health.v1.HealthCheckResponse.$Properties {
  return { status: ServingStatus[health] };
}
