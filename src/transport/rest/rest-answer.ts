import type { ServableId } from '../../core/servable-id.js';

/** What a request over REST is answered with. */
export interface RestAnswer {
  readonly status: number;
  /** JSON, unless `type` says otherwise. */
  readonly body: Uint8Array | string;
  /** The value of `content-type`; undefined where there is no content. */
  readonly type?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export const jsonType = 'application/json';

/** A good answer; which version gave it stands in a header, as TF Serving's JSON has no place for it. */
export function answered(body: Uint8Array | string, id?: ServableId): RestAnswer {
  if (id === undefined) return { status: 200, body, type: jsonType };
  return { status: 200, body, type: jsonType, headers: { 'x-model-version': String(id.version) } };
}
