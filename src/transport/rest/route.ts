import { invalidArgument } from '../../core/errors.js';

/** Which model a path means, and which version of it. */
export interface RestTarget {
  readonly model: string;
  readonly version?: number;
  readonly label?: string;
}

export type RestVerb = 'predict' | 'classify' | 'regress';

/** What a path under `/v1/` asks for. */
export type RestRoute =
  | { readonly kind: RestVerb; readonly target: RestTarget }
  | { readonly kind: 'status' | 'metadata' | 'ready'; readonly target: RestTarget }
  | { readonly kind: 'list' };

const version = '/versions/(?<version>\\d+)';
const label = '/labels/(?<label>[^/:?]+)';
const model = `/v1/models/(?<model>[^/:?]+)(?:${version}|${label})?`;
const post = new RegExp(`^${model}:(?<verb>classify|regress|predict)$`, 'i');
const get = new RegExp(`^${model}(?<part>/metadata|/ready)?$`, 'i');
const list = /^\/v1\/models$/i;
const verbs: readonly string[] = ['predict', 'classify', 'regress'];

/**
 * Reads a path, as it came, with its query. Letters may have any case but in a verb; names are decoded afterwards.
 *
 * Source: TF Serving, model_servers/http_rest_api_util.cc, `ParseModelInfo`. The list of models and `/ready` are ours.
 *
 * @throws ServingError INVALID_ARGUMENT for everything else, in TF Serving's words.
 */
export function routeOf(method: string, path: string): RestRoute {
  const found = method === 'POST' ? post.exec(path) : method === 'GET' ? get.exec(path) : null;
  const groups: Groups = found?.groups ?? {};
  if (found !== null) {
    const kind = groups.verb ?? (groups.part?.slice(1).toLowerCase() || 'status');
    const target = targetOf(groups);
    if (target !== undefined && (groups.verb === undefined || verbs.includes(kind)))
      return { kind, target } as RestRoute;
  }
  if (method === 'GET' && list.test(path)) return { kind: 'list' };
  throw invalidArgument(`Malformed request: ${method} ${path}`);
}

/** What the patterns find. */
interface Groups {
  readonly model?: string;
  readonly version?: string;
  readonly label?: string;
  readonly verb?: string;
  readonly part?: string;
}

const maxInt64 = 2n ** 63n - 1n;

/** Undefined where a name is badly encoded. */
function targetOf(groups: Groups): RestTarget | undefined {
  const [name, text, named] = [decode(groups.model), groups.version, decode(groups.label)];
  if (name === undefined || (groups.label !== undefined && named === undefined)) return undefined;
  if (text === undefined) return named === undefined ? { model: name } : { model: name, label: named };
  if (text.length > 19 || BigInt(text) > maxInt64) {
    throw invalidArgument(`Failed to convert version: ${text} to numeric.`);
  }
  return { model: name, version: Number(text) };
}

function decode(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
