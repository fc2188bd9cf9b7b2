import { ModelServer, type ModelServerOptions, type ServableId } from 'servable';
import { onTestFinished } from 'vitest';

/** How the load of one version ended. */
export type Settled = ReturnType<ModelServer['status']>[number];

/** Waits until a version is AVAILABLE, or is known to have failed, and says which. */
export async function settled(server: ModelServer, id: ServableId): Promise<Settled> {
  await server.waitFor(id, 'AVAILABLE').catch(() => {}); // Why it failed is in its status.
  const status = server.status(id.model).find((each) => each.id.version === id.version);
  if (status === undefined) throw new Error(`The server does not know ${id.model}@${id.version}`);
  return status;
}

/** Starts a server that looks once and tries once, and is closed with the test. */
export async function serveForTest(options: ModelServerOptions): Promise<ModelServer> {
  const server = new ModelServer({ pollIntervalMs: 0, maxNumLoadRetries: 0, ...options });
  onTestFinished(() => server.close());
  return server.start();
}
