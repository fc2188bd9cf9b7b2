import koffi from 'koffi';
import { ServingError } from '../../core/errors.js';
import {
  apiVersion,
  functionCount,
  type OrtFunctions,
  type Pointer,
  pointer,
  releaseFunctions,
  statusFunctions,
  textFunctions,
} from './function-table.js';
import { cRuntimeLibrary } from './library.js';
import { loadLibrary } from './native-library.js';

export type { Pointer };

/**
 * koffi runs native code on a stack of its own, 2 MiB unless told otherwise. onnxruntime recurses over nested
 * subgraphs while it builds a session; the threads it starts itself get 8 MiB from Linux, so we give as much.
 */
const nativeStackBytes = 8 * 1024 * 1024;

/** A failure as onnxruntime reports it; translated by whoever knows what was being done. */
export class OrtError extends Error {
  override readonly name = 'OrtError';
  /** `OrtErrorCode`, by number. */
  readonly ortCode: number;

  constructor(ortCode: number, message: string) {
    super(message);
    this.ortCode = ortCode;
  }
}

/** onnxruntime's C API, bound in this thread. Addresses that it hands out are valid in every thread. */
export interface OrtApi extends OrtFunctions {
  /** The version of the library, as in `1.30.0`. */
  readonly version: string;
  /** Copies `bytes` bytes between native memory and a JavaScript buffer, in either direction. */
  copy(to: Pointer | ArrayBufferView, from: Pointer | ArrayBufferView, bytes: number): void;
}

/** What has been bound in this thread, by file: koffi keeps the types of a binding for ever. */
const bound = new Map<string, OrtApi>();

/**
 * Binds the shared library in the calling thread, once; the library itself is loaded once in the process.
 *
 * @throws ServingError FAILED_PRECONDITION where the file cannot be loaded, is no onnxruntime, or one that is too old.
 */
export function bindOrtApi(libraryFile: string): OrtApi {
  const api = bound.get(libraryFile) ?? bind(libraryFile);
  bound.set(libraryFile, api);
  return api;
}

function bind(libraryFile: string): OrtApi {
  if (koffi.config().sync_stack_size !== nativeStackBytes) raiseStackSize();
  const { version, table } = openTable(libraryFile);
  if (table === null) {
    throw new ServingError(
      'FAILED_PRECONDITION',
      `Cannot start the engine: ${libraryFile} is onnxruntime ${version}, expected one with C API ${apiVersion} or newer`,
      { actual: version, expected: `C API ${apiVersion}` },
    );
  }
  const addresses: Pointer[] = koffi.decode(table, pointer, functionCount);
  const copy = loadLibrary(cRuntimeLibrary()).func('memcpy', pointer, [pointer, pointer, 'size_t']);
  return { version, copy, ...bindFunctions(addresses) };
}

/** The library's version, and its table of functions: null where it does not know our version of it. */
function openTable(libraryFile: string): { version: string; table: Pointer | null } {
  try {
    const base: Pointer = loadLibrary(libraryFile).func('OrtGetApiBase', pointer, [])();
    const [getApi, getVersion] = koffi.decode(base, pointer, 2) as [Pointer, Pointer];
    const version: string = koffi.decode(getVersion, koffi.proto('str', []))();
    return { version, table: koffi.decode(getApi, koffi.proto(pointer, ['uint32_t']))(apiVersion) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ServingError('FAILED_PRECONDITION', `Cannot start the engine: cannot load ${reason}`, {
      cause,
    });
  }
}

function raiseStackSize(): void {
  try {
    koffi.config({ sync_stack_size: nativeStackBytes });
  } catch {
    // The host has already called native code through koffi in this thread; its stack size stands.
  }
}

function bindFunctions(addresses: readonly Pointer[]): OrtFunctions {
  const bind = (index: number, result: string, args: readonly string[]) =>
    koffi.decode(addresses[index], koffi.proto(result, [...args])) as (...args: unknown[]) => unknown;
  const getErrorCode = bind(1, 'int', [pointer]);
  const getErrorMessage = bind(2, 'str', [pointer]);
  const releaseStatus = bind(releaseFunctions.ReleaseStatus, 'void', [pointer]);
  const functions: Record<string, unknown> = {};
  for (const [name, [index, args]] of Object.entries(statusFunctions)) {
    const native = bind(index, pointer, args);
    functions[name] = (...given: unknown[]) => {
      const status = native(...given);
      if (status === null) return;
      const error = new OrtError(getErrorCode(status) as number, getErrorMessage(status) as string);
      releaseStatus(status);
      throw error;
    };
  }
  for (const [name, [index, args]] of Object.entries(textFunctions))
    functions[name] = bind(index, 'str', args);
  for (const [name, index] of Object.entries(releaseFunctions))
    functions[name] = bind(index, 'void', [pointer]);
  return functions as unknown as OrtFunctions;
}

/** One native word that a function writes its result into. Not reentrant: read it before the next call. */
export class OutWord {
  /** Pass this to the native function. */
  readonly memory = new BigUint64Array(1);

  /** The result as an address. */
  get pointer(): Pointer {
    return this.memory[0] as bigint;
  }

  /** The result as a count (`size_t`). */
  get count(): number {
    return Number(this.memory[0]);
  }

  /** The result as a C `int` or enum: the low 32 bits (every platform we run on is little-endian). */
  get int(): number {
    return Number(BigInt.asIntN(32, this.memory[0] as bigint));
  }
}
