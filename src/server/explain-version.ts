import { type Explanation, explain } from '../control/explain.js';
import type { ServableId } from '../core/servable-id.js';
import type { Parts } from './compose.js';

/** Why a version is serving, or why it is not, by what the parts of a server know of it. */
export function explainVersion({ monitor, manager, source, served }: Parts, id: ServableId): Explanation {
  const { model, version } = id;
  return explain({
    id,
    status: monitor.status(model).find((each) => each.id.version === version),
    model: served.get(model),
    history: monitor.history(id),
    found: source.found(model),
    sourceError: manager.sourceError(model),
  });
}
