/** The kinds of devices that a model may run on, each an execution provider of onnxruntime. */
export const deviceKinds = ['cpu', 'cuda', 'tensorrt', 'webgpu', 'coreml', 'dml'] as const;
/** An execution provider of onnxruntime, by the name that devices of it begin with. */
export type DeviceKind = (typeof deviceKinds)[number];

/** Those of which a machine may have several, told apart by an index. */
const numberedKinds = ['cuda', 'tensorrt', 'dml'] as const satisfies readonly DeviceKind[];

/**
 * Where a model runs: `cpu`, `webgpu`, `coreml`; `cuda:0`, `tensorrt:1`, `dml:0`, where no index is index 0. The index of a
 * CUDA device is the one that CUDA has for it in this process: `CUDA_VISIBLE_DEVICES` hides and renumbers them.
 */
export type DeviceName = DeviceKind | `${(typeof numberedKinds)[number]}:${number}`;

/** A device's name, taken apart. */
export interface ParsedDevice {
  /** In full: `cuda:0`. */
  readonly name: DeviceName;
  readonly kind: DeviceKind;
  /** 0 where there is one only. */
  readonly index: number;
}

/** Undefined for what is no device's name. */
export function parseDevice(name: string): ParsedDevice | undefined {
  const [, kind, index] = /^([a-z]+)(?::(\d{1,4}))?$/.exec(name) ?? [];
  const known = deviceKinds.find((each) => each === kind);
  if (known === undefined) return undefined;
  const numbered = numberedKinds.find((each) => each === known);
  if (numbered === undefined) return index === undefined ? { name: known, kind: known, index: 0 } : undefined;
  return { name: `${numbered}:${Number(index ?? 0)}`, kind: numbered, index: Number(index ?? 0) };
}
