import koffi from 'koffi';
import type { OrtApi } from '#dist/runner/ort/c-api.js';
import { releaseFunctions, statusFunctions, textFunctions } from '#dist/runner/ort/function-table.js';

/** A call of a C function: its name, and its arguments as text or numbers. */
export type RecordedCall = readonly [name: string, ...args: unknown[]];

export interface RecordingApi {
  readonly api: OrtApi;
  readonly calls: RecordedCall[];
}

/** What a function writes into its last argument, or returns; without an answer, the address of a new object. */
export type Answers = Readonly<Record<string, (...args: never[]) => unknown>>;

/** Arguments that are `const char * const *`, by their place; the argument after the last of them is how many there are. */
const textLists: Readonly<Record<string, readonly number[]>> = {
  UpdateCUDAProviderOptions: [1, 2],
  UpdateTensorRTProviderOptions: [1, 2],
  SessionOptionsAppendExecutionProvider: [2, 3],
  SessionOptionsAppendExecutionProvider_V2: [4, 5],
  CreateArenaCfgV2: [0],
};

/**
 * onnxruntime's C API with nothing behind it: every call is written down, with objects by the name of what made them
 * (`SessionOptions#1`), and the texts that native memory holds at that moment.
 */
export function recordingApi(answers: Answers = {}): RecordingApi {
  const calls: RecordedCall[] = [];
  const objects = new Map<bigint, string>();
  const newObject = (creator: string): bigint => {
    const kind = creator.replace(/^(Create|Get|SessionGet)/, '');
    const address = BigInt(1000 + objects.size);
    const count = [...objects.values()].filter((name) => name.startsWith(`${kind}#`)).length;
    objects.set(address, `${kind}#${count + 1}`);
    return address;
  };
  const render = (arg: unknown): unknown => {
    if (typeof arg === 'bigint') return objects.get(arg) ?? arg;
    if (arg instanceof BigUint64Array) return Array.from(arg, render);
    return ArrayBuffer.isView(arg) ? `${arg.byteLength} bytes` : arg;
  };
  const record = (name: string, args: unknown[], hasOut: boolean): unknown => {
    const lists = textLists[name] ?? [];
    const shown = (hasOut ? args.slice(0, -1) : args).map((arg, place) =>
      lists.includes(place) ? textsOf(arg as BigUint64Array) : render(arg),
    );
    calls.push([name, ...shown]);
    const answer = answers[name]?.(...(args as never[]));
    if (hasOut && answer !== undefined) (args.at(-1) as BigUint64Array)[0] = answer as bigint;
    else if (hasOut) (args.at(-1) as BigUint64Array)[0] = newObject(name);
    return answer;
  };
  const functions: Record<string, unknown> = { version: '0.0.0', copy: () => {} };
  for (const name of Object.keys(statusFunctions)) {
    const hasOut = /^(Create(?!AndRegister)|Get|SessionGet|ModelMetadata|Allocator(GetStats|Alloc))/.test(
      name,
    );
    functions[name] = (...args: unknown[]) => void record(name, args, hasOut);
  }
  for (const name of Object.keys(textFunctions))
    functions[name] = (...args: unknown[]) => record(name, args, false) ?? null;
  for (const name of Object.keys(releaseFunctions))
    functions[name] = (...args: unknown[]) => void record(name, args, false);
  return { api: functions as unknown as OrtApi, calls };
}

function textsOf(pointers: BigUint64Array): string[] {
  return Array.from(pointers, (pointer) => koffi.decode.string(pointer) as string);
}
