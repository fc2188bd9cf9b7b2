import { type Tensor, tensor } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BoundRuns } from '#dist/runner/ort/bound-runs.js';
import { bindOrtApi, type Pointer } from '#dist/runner/ort/c-api.js';
import { openEnvironment } from '#dist/runner/ort/environment.js';
import { findLibrary } from '#dist/runner/ort/library.js';
import { createMemoryInfo } from '#dist/runner/ort/memory-info.js';
import { createRunOptions } from '#dist/runner/ort/run-options.js';
import { closeSession, type OpenSession, openSessionFromBytes } from '#dist/runner/ort/session.js';
import { createSessionOptions } from '#dist/runner/ort/session-options.js';
import { countingApi } from '../../support/counting-api.js';
import * as authored from '../../support/onnx/authored-models.js';

/** The host's memory, in the place of a device's: the same calls, and addresses that stay. */
describe('runs that are bound to memory', () => {
  const { api, outstanding, handedOut } = countingApi(bindOrtApi(findLibrary()));
  let environment: Pointer;
  let sessionOptions: Pointer;
  let runOptions: Pointer;
  const open: OpenSession[] = [];
  const memory = {
    createMemoryInfo: () => createMemoryInfo(api, 'cpu'),
    copy: api.copy,
    settle: () => {},
  };

  beforeAll(() => {
    environment = openEnvironment(api);
    sessionOptions = createSessionOptions(api, {});
    runOptions = createRunOptions(api);
  });
  afterAll(() => {
    for (const each of open) closeSession(api, each);
    api.ReleaseRunOptions(runOptions);
    api.ReleaseSessionOptions(sessionOptions);
    api.ReleaseEnv(environment);
  });

  function load(bytes: Uint8Array): OpenSession {
    const session = openSessionFromBytes(api, environment, bytes, sessionOptions);
    open.push(session);
    return session;
  }

  function ask(
    runs: BoundRuns,
    session: OpenSession,
    shapeId: number,
    fed: Readonly<Record<string, Tensor>>,
  ) {
    const inputs = session.inputs.map(({ name, nativeName }) => ({
      nativeName,
      tensor: fed[name] as Tensor,
    }));
    const outputs = session.outputs.map(({ nativeName }) => ({ nativeName, kind: 'tensor' as const }));
    return runs.run({ session: session.session, shapeId, runOptions, inputs, outputs });
  }

  it('answer each request with its own, through the same memory', () => {
    const runs = new BoundRuns(api, memory);
    const session = load(authored.linear(2, 1));
    for (let value = 0; value < 20; value++) {
      const x = tensor('float32', [3], [value, value + 1, -value]);
      const [y] = ask(runs, session, 0, { x });
      expect(y?.data).toEqual(Float32Array.of(2 * value + 1, 2 * value + 3, 1 - 2 * value));
    }
    runs.close();
  });

  it('keep shapes and sessions apart', () => {
    const runs = new BoundRuns(api, memory);
    const [double, triple] = [load(authored.linear(2, 0)), load(authored.linear(3, 0))];
    for (let round = 1; round <= 3; round++) {
      for (const rows of [1, 4]) {
        const x = tensor('float32', [rows], new Float32Array(rows).fill(round));
        expect(ask(runs, double, rows, { x })[0]?.data).toEqual(new Float32Array(rows).fill(2 * round));
        expect(ask(runs, triple, rows, { x })[0]?.data).toEqual(new Float32Array(rows).fill(3 * round));
      }
    }
    runs.close();
  });

  it('carry every dtype that has numbers', () => {
    const dtypes = authored.passthroughDtypes.filter((dtype) => dtype !== 'string');
    const session = load(authored.passthrough(dtypes));
    const runs = new BoundRuns(api, memory);
    for (let round = 0; round < 2; round++) {
      const fed = Object.fromEntries(
        dtypes.map((dtype) => {
          const bytes = Uint8Array.from({ length: 64 }, (_, at) => (dtype === 'bool' ? at % 2 : at + round));
          const { data } = tensor(
            dtype,
            [2, 3],
            new Array(6).fill(dtype.endsWith('64') && dtype !== 'float64' ? 1n : 1),
          );
          const Data = data.constructor as new (
            buffer: ArrayBuffer,
            offset: number,
            length: number,
          ) => typeof data;
          return [
            `in_${dtype}`,
            { dtype, shape: [2, 3], data: new Data(bytes.buffer as ArrayBuffer, 0, 6) } as Tensor,
          ];
        }),
      );
      const answers = ask(runs, session, 0, fed);
      for (const [index, dtype] of dtypes.entries())
        expect(answers[index], dtype).toEqual(fed[`in_${dtype}`]);
    }
    runs.close();
  });

  it('that onnxruntime refuses leave nothing behind, and others go on', () => {
    const runs = new BoundRuns(api, memory);
    const session = load(authored.batchMeanCentering());
    const [input] = session.inputs;
    const wrong = { [input?.name as string]: tensor('float64', [1, 4], new Float64Array(4)) };
    expect(() => ask(runs, session, 0, wrong)).toThrow(/Unexpected input data type/);
    const right = { [input?.name as string]: tensor('float32', [1, 4], new Float32Array(4)) };
    expect(ask(runs, session, 1, right)[0]?.shape).toEqual([1, 4]);
    const text = { [input?.name as string]: tensor('string', [1, 4], ['', '', '', '']) };
    expect(() => ask(runs, session, 2, text)).toThrow('Runs with strings cannot be recorded');
    runs.close();
  });

  it('give everything back', () => {
    const before = outstanding();
    const counted = handedOut();
    const runs = new BoundRuns(api, memory);
    const session = open[0] as OpenSession;
    const x = tensor('float32', [2], [1, 2]);
    for (const shapeId of [0, 1]) ask(runs, session, shapeId, { x });
    runs.release(session.session);
    ask(runs, session, 0, { x });
    runs.close();
    expect(handedOut()).toBeGreaterThan(counted + 10);
    expect(outstanding()).toEqual(before);
  });
});
