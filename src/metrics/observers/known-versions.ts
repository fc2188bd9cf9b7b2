import type { ServableId } from '../../core/servable-id.js';

/** Which models and versions there are, or were until a while ago: what has a name that may stand in a label. */
export interface KnownVersions {
  hasModel(model: string): boolean;
  hasVersion(id: ServableId): boolean;
}

/**
 * What a model is called that is not known. Clients name models as they like: their names never become labels, where each
 * would be kept for ever.
 */
const unknownModel = '(unknown)';

/** The name of a model as a label may have it; empty for a request that names none. */
export function modelLabel(known: KnownVersions, model: string): string {
  return model === '' || known.hasModel(model) ? model : unknownModel;
}
