import type { ModelStatus } from '../../index.js';

/** A line of the log. */
export interface ModelLine {
  readonly level: 'info' | 'error';
  readonly fields: object;
  readonly message: string;
}

/** What is served where, in a line for each model. */
export function describeModels(models: readonly ModelStatus[]): readonly ModelLine[] {
  return models.map((model) => {
    const { name, basePath, isReady } = model;
    const fields = { event: 'model', model: name, basePath, isReady };
    const message = isReady ? describeServed(model) : describeFailed(model);
    return { level: isReady ? 'info' : 'error', fields, message };
  });
}

function describeServed({ name, basePath, versions, labels }: ModelStatus): string {
  const available = versions.filter(({ state }) => state === 'AVAILABLE');
  const listed = available.map(({ id, device }) => {
    const devices = device?.devices.join(' and ') ?? 'cpu';
    return devices === 'cpu' ? `${id.version}` : `${id.version} (on ${devices})`;
  });
  const named = labels.map(({ label, version, current }) =>
    current === version ? `${label} is ${version}` : `${label} waits for ${version}`,
  );
  const word = listed.length === 1 ? 'version' : 'versions';
  const also = [...named, ...(available.some(({ batching }) => batching?.isOn) ? ['batched'] : [])];
  return `${name}: ${word} ${listed.join(', ')} from ${basePath}${also.length > 0 ? `; ${also.join(', ')}` : ''}`;
}

function describeFailed({ name, basePath, versions, warning }: ModelStatus): string {
  const failed = versions.find(({ error }) => error !== undefined)?.error;
  const retried = versions.find(({ retry }) => retry !== undefined)?.retry?.error;
  const reason = (failed ?? retried ?? warning)?.message ?? 'it has no version yet';
  return `${name}: no version from ${basePath} answers: ${reason}`;
}
