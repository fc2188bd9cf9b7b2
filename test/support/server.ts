import type { ModelServer, ServableId } from 'servable';

/** How the load of one version ended. */
export type Settled = ReturnType<ModelServer['status']>[number];

/** Waits until a version is AVAILABLE, or is known to have failed, and says which. */
export async function settled(server: ModelServer, id: ServableId): Promise<Settled> {
  await server.waitFor(id, 'AVAILABLE').catch(() => {}); // Why it failed is in its status.
  const status = server.status(id.model).find((each) => each.id.version === id.version);
  if (status === undefined) throw new Error(`The server does not know ${id.model}@${id.version}`);
  return status;
}
