import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '#dist/core/clock.js';
import { resolveModels } from '#dist/options/model-options.js';
import { resolveOptions } from '#dist/options/server-options.js';
import { usableCpus } from '#dist/runner/threads/cpu-quota.js';
import { LocalStorage } from '#dist/storage/local-storage.js';
import { RoutedStorage } from '#dist/storage/routed-storage.js';
import { caught } from '../support/caught.js';

const digits = { name: 'digits', basePath: '/models/digits' };
const serverOptions = (more: object) => ({ models: [digits], ...more }) as never;
const modelOptions = (more: object) => ({ models: [{ ...digits, ...more }] }) as never;
const sessionOptions = (session: unknown) => modelOptions({ session });
const deviceOptions = (options: object) => modelOptions(options);

describe('resolveOptions', () => {
  it('fills in the defaults', () => {
    const cpus = usableCpus();
    expect(resolveOptions({ models: [digits] })).toEqual({
      models: [
        {
          name: 'digits',
          basePath: resolve('/models/digits'),
          versionPolicy: { latest: 1 },
          labels: {},
          transitionPolicy: 'availability-preserving',
          warmup: 'file',
          numRequestIterations: 1,
          requestLog: false,
          session: {},
          batching: false,
        },
      ],
      pollIntervalMs: 1000,
      lookTimeoutMs: 10_000,
      storage: expect.any(RoutedStorage),
      cacheDirectory: join(tmpdir(), 'servable'),
      maxNumLoadRetries: 5,
      loadRetryIntervalMicros: 60_000_000,
      memoryBudgetBytes: Number.POSITIVE_INFINITY,
      unloadGraceMs: 30_000,
      drainGraceMs: 30_000,
      endedRetentionMs: 600_000,
      maxInlineMicros: 1000,
      inlineRuns: 'auto',
      numBatchThreads: cpus,
      numLoadThreads: Math.min(2, cpus),
      numUnloadThreads: 2,
      lifecycleObserver: {},
      requestLogObserver: {},
      batchingObserver: {},
      metrics: {},
      logger: undefined,
      slowRequestMs: Number.POSITIVE_INFINITY,
      device: 'cpu',
      fallback: 'fail',
      memoryLimitBytes: Number.POSITIVE_INFINITY,
      gpuMemoryFraction: 0,
      allowGrowth: true,
      clock: systemClock,
    });
  });

  it('takes undefined for what is left out', () => {
    const nothing = { versionPolicy: undefined, transitionPolicy: undefined, session: undefined };
    const options = { models: [{ ...digits, ...nothing }], pollIntervalMs: undefined, clock: undefined };
    expect(resolveOptions(options as never)).toEqual(resolveOptions({ models: [digits] }));
  });

  it('keeps what was written', () => {
    const written = {
      pollIntervalMs: 0,
      drainGraceMs: Number.POSITIVE_INFINITY,
      maxInlineMicros: 0,
      inlineRuns: 'off' as const,
      numBatchThreads: 3,
      numLoadThreads: 1,
      batchingObserver: { onRun: () => {} },
      lookTimeoutMs: Number.POSITIVE_INFINITY,
      storage: new LocalStorage(),
      cacheDirectory: '/cache',
      maxNumLoadRetries: 0,
      loadRetryIntervalMicros: 0,
      numUnloadThreads: 1,
      memoryBudgetBytes: 1e9,
      unloadGraceMs: 0,
      endedRetentionMs: 0,
      lifecycleObserver: { onState: () => {} },
      requestLogObserver: { onLogged: () => {} },
      metrics: { labels: { server: 'a' } },
      logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
      slowRequestMs: 250,
      device: ['cuda:0', 'cuda:1'],
      fallback: 'cpu' as const,
      memoryLimitBytes: 2e9,
      gpuMemoryFraction: 0.4,
      allowGrowth: false,
      clock: { now: () => 0, schedule: () => () => {} },
    };
    const model = {
      ...digits,
      basePath: resolve('/models/digits'),
      versionPolicy: { specific: [3, 1] },
      labels: { stable: 1 },
      warmup: 'synthetic' as const,
      numRequestIterations: 3,
      requestLog: { samplingRate: 0.5, filenamePrefix: '/logs/digits' },
      transitionPolicy: 'resource-preserving' as const,
      session: { intraOpNumThreads: 2 },
      device: { providers: ['cpu', { name: 'webgpu', options: { a: '' }, library: 'x.so' }] },
      fallback: 'fail' as const,
      gpuMemoryLimitBytes: 1e9,
      shrinkArena: true,
      cuda: { convSearch: 'heuristic' as const, convMaxWorkspace: false, tf32: false, preferNhwc: true },
      tensorrt: {
        fp16: true,
        int8: { calibrationTable: 'calibration.flatbuffers', isNative: false },
        workspaceBytes: 1e9,
        shapes: { x: { min: [1, 8], opt: [8, 64], max: [16, 128] } },
        cacheDirectory: '/var/cache/engines',
        builderOptimizationLevel: 4,
      },
      batching: { maxBatchSize: 4, padValue: { x: 1n } },
    };
    expect(resolveOptions({ ...written, models: [model] } as never)).toEqual({ ...written, models: [model] });
  });

  it('takes no model at all', () => {
    expect(resolveOptions({ models: [] }).models).toEqual([]);
  });

  it('resolves a base path against the working directory, once', () => {
    expect(resolveModels([{ name: 'digits', basePath: 'models/digits' }])[0]?.basePath).toBe(
      resolve(process.cwd(), 'models/digits'),
    );
  });

  it('is not changed by what the caller does with its own objects later', () => {
    const written = { ...digits, versionPolicy: { specific: [1] }, session: { configEntries: { a: '1' } } };
    const [resolved] = resolveModels([written]);
    written.versionPolicy.specific.push(2);
    written.session.configEntries.a = '2';
    expect(resolved).toMatchObject({
      versionPolicy: { specific: [1] },
      session: { configEntries: { a: '1' } },
    });
  });

  const source = { start() {}, close() {} };
  const loader = { load() {} };
  const aDevice = 'cpu, cuda:0, tensorrt:0, webgpu, coreml or dml:0';
  const policies = "{ latest: n }, { specific: [n, …] } or 'all'";
  const wrong: readonly (readonly [option: string, options: never, actual: string, expected: string])[] = [
    ['options', undefined as never, 'undefined', 'an object'],
    ['options', [] as never, '[]', 'an object'],
    ['models', {} as never, 'undefined', 'an array of { name, basePath }'],
    ['models', { models: digits } as never, JSON.stringify(digits), 'an array of { name, basePath }'],
    ['models[0]', { models: ['digits'] } as never, '"digits"', 'an object'],
    ['models[0]', { models: new Array(1) } as never, 'undefined', 'an object'],
    ['models[0].name', modelOptions({ name: '' }), '""', 'a string that is not empty'],
    ['models[0].name', modelOptions({ name: 7 }), '7', 'a string that is not empty'],
    ['models[0].basePath', modelOptions({ basePath: undefined }), 'undefined', 'a string that is not empty'],
    ['models[0].basePath', modelOptions({ basePath: '' }), '""', 'a string that is not empty'],
    ['models[0].source', modelOptions({ source: 'db', basePath: undefined }), '"db"', 'an object'],
    [
      'models[0].source.start',
      modelOptions({ source: { close() {} }, basePath: undefined }),
      'undefined',
      'a function',
    ],
    ['models[0].basePath', modelOptions({ source, basePath: 'a' }), '"a"', 'either basePath or source'],
    [
      'models[0].versionPolicy',
      modelOptions({ source, basePath: undefined, versionPolicy: { latest: 2 } }),
      '{"latest":2}',
      'none beside a source, which chooses for itself',
    ],
    ['models[0].loader.load', modelOptions({ loader: {} }), 'undefined', 'a function'],
    [
      'models[0].session',
      modelOptions({ loader, session: { intraOpNumThreads: 1 } }),
      '{"intraOpNumThreads":1}',
      'none beside a loader, since it is of onnxruntime',
    ],
    [
      'models[0].device',
      modelOptions({ loader, device: 'cuda:0' }),
      '"cuda:0"',
      'none beside a loader, since it is of onnxruntime',
    ],
    ['models[1].name', { models: [digits, digits] } as never, '"digits"', 'a name that no other model has'],
    ['logger', serverOptions({ logger: 'pino' }), '"pino"', 'an object'],
    ['logger.debug', serverOptions({ logger: { info() {} } }), 'undefined', 'a function'],
    ['slowRequestMs', serverOptions({ slowRequestMs: -1 }), '-1', 'a number of at least 0'],
    ['metrics.registry.metrics', serverOptions({ metrics: { registry: {} } }), 'undefined', 'a function'],
    ['metrics.labels', serverOptions({ metrics: { labels: 'a' } }), '"a"', 'an object'],
    [
      'metrics.labels["a b"]',
      serverOptions({ metrics: { labels: { 'a b': 'c' } } }),
      '"a b"',
      'a name of letters, digits and _',
    ],
    [
      'metrics.labels["model"]',
      serverOptions({ metrics: { labels: { model: 'm' } } }),
      '"model"',
      'a name that no metric has as a label',
    ],
    ['metrics.labels["a"]', serverOptions({ metrics: { labels: { a: 1 } } }), '1', 'a string'],
    ['models[0].versionPolicy', modelOptions({ versionPolicy: 'latest' }), '"latest"', policies],
    ['models[0].versionPolicy', modelOptions({ versionPolicy: null }), 'null', policies],
    ['models[0].versionPolicy', modelOptions({ versionPolicy: {} }), '{}', policies],
    [
      'models[0].versionPolicy',
      modelOptions({ versionPolicy: { latest: 1, specific: [1] } }),
      '{"latest":1,"specific":[1]}',
      policies,
    ],
    ['models[0].versionPolicy', modelOptions({ versionPolicy: { specific: 1 } }), '{"specific":1}', policies],
    [
      'models[0].versionPolicy.latest',
      modelOptions({ versionPolicy: { latest: 1.5 } }),
      '1.5',
      'an integer of at least 0',
    ],
    [
      'models[0].versionPolicy.latest',
      modelOptions({ versionPolicy: { latest: undefined } }),
      'undefined',
      'an integer of at least 0',
    ],
    [
      'models[0].versionPolicy.specific[1]',
      modelOptions({ versionPolicy: { specific: [1, -1] } }),
      '-1',
      'an integer of at least 0',
    ],
    [
      'models[0].versionPolicy.specific[0]',
      modelOptions({ versionPolicy: { specific: [2 ** 53] } }),
      '9007199254740992',
      'an integer of at least 0',
    ],
    [
      'models[0].transitionPolicy',
      modelOptions({ transitionPolicy: 'fast' }),
      '"fast"',
      'one of "availability-preserving", "resource-preserving"',
    ],
    ['models[0].session', sessionOptions(null), 'null', 'an object'],
    [
      'models[0].session.intraOpNumThreads',
      sessionOptions({ intraOpNumThreads: 0 }),
      '0',
      'an integer of at least 1',
    ],
    [
      'models[0].session.interOpNumThreads',
      sessionOptions({ interOpNumThreads: '2' }),
      '"2"',
      'an integer of at least 1',
    ],
    [
      'models[0].session.executionMode',
      sessionOptions({ executionMode: 'fast' }),
      '"fast"',
      'one of "sequential", "parallel"',
    ],
    [
      'models[0].session.graphOptimization',
      sessionOptions({ graphOptimization: 3 }),
      '3',
      'one of "disabled", "basic", "extended", "layout", "all"',
    ],
    ['models[0].session.cpuArena', sessionOptions({ cpuArena: 1 }), '1', 'one of true, false'],
    [
      'models[0].session.memoryPattern',
      sessionOptions({ memoryPattern: 'no' }),
      '"no"',
      'one of true, false',
    ],
    [
      'models[0].session.allowSpinning',
      sessionOptions({ allowSpinning: null }),
      'null',
      'one of true, false',
    ],
    ['models[0].session.logSeverity', sessionOptions({ logSeverity: 5 }), '5', 'one of 0, 1, 2, 3, 4'],
    ['models[0].session.configEntries["a"]', sessionOptions({ configEntries: { a: 1 } }), '1', 'a string'],
    ['models[0].session.runConfigEntries', sessionOptions({ runConfigEntries: 'a=1' }), '"a=1"', 'an object'],
    [
      'models[0].session.freeDimensions["n"]',
      sessionOptions({ freeDimensions: { n: -1 } }),
      '-1',
      'an integer of at least 0',
    ],
    [
      'models[0].device.providers',
      deviceOptions({ device: { providers: 'cpu' } }),
      '"cpu"',
      'an array of names or { name, options, library }',
    ],
    [
      'models[0].device.providers[0]',
      deviceOptions({ device: { providers: [''] } }),
      '""',
      'a string that is not empty',
    ],
    [
      'models[0].device.providers[1]',
      deviceOptions({ device: { providers: ['cpu', 1] } }),
      '1',
      'a name or { name, options, library }',
    ],
    [
      'models[0].device.providers[0].name',
      deviceOptions({ device: { providers: [{}] } }),
      'undefined',
      'a string that is not empty',
    ],
    [
      'models[0].device.providers[0].options["a"]',
      deviceOptions({ device: { providers: [{ name: 'cpu', options: { a: 1 } }] } }),
      '1',
      'a string',
    ],
    ['pollIntervalMs', serverOptions({ pollIntervalMs: -1 }), '-1', 'a number of at least 0'],
    [
      'pollIntervalMs',
      serverOptions({ pollIntervalMs: Number.POSITIVE_INFINITY }),
      'Infinity',
      'a number of at least 0',
    ],
    ['pollIntervalMs', serverOptions({ pollIntervalMs: null }), 'null', 'a number of at least 0'],
    ['drainGraceMs', serverOptions({ drainGraceMs: Number.NaN }), 'NaN', 'a number of at least 0'],
    ['drainGraceMs', serverOptions({ drainGraceMs: '30s' }), '"30s"', 'a number of at least 0'],
    ['maxInlineMicros', serverOptions({ maxInlineMicros: -1 }), '-1', 'a number of at least 0'],
    ['numBatchThreads', serverOptions({ numBatchThreads: 0 }), '0', 'an integer of at least 1'],
    [
      'numBatchThreads',
      serverOptions({ numBatchThreads: Number.POSITIVE_INFINITY }),
      'Infinity',
      'an integer of at least 1',
    ],
    ['numLoadThreads', serverOptions({ numLoadThreads: 1.5 }), '1.5', 'an integer of at least 1'],
    ['inlineRuns', serverOptions({ inlineRuns: true }), 'true', 'one of "auto", "off", "on"'],
    ['memoryLimitBytes', serverOptions({ memoryLimitBytes: '1GB' }), '"1GB"', 'a number of at least 0'],
    [
      'gpuMemoryFraction',
      serverOptions({ gpuMemoryFraction: 1.1 }),
      '1.1',
      'a number of at least 0 and at most 1',
    ],
    ['allowGrowth', serverOptions({ allowGrowth: 1 }), '1', 'one of true, false'],
    ['fallback', serverOptions({ fallback: 'gpu' }), '"gpu"', 'one of "fail", "cpu"'],
    ['device', serverOptions({ device: 'gpu' }), '"gpu"', aDevice],
    ['models[0].device', deviceOptions({ device: 'cuda:x' }), '"cuda:x"', aDevice],
    ['models[0].device', deviceOptions({ device: 'cpu:0' }), '"cpu:0"', aDevice],
    ['models[0].device[1]', deviceOptions({ device: ['cuda:0', 1] }), '1', aDevice],
    ['models[0].device', deviceOptions({ device: [] }), '[]', 'at least one device'],
    [
      'models[0].device',
      deviceOptions({ device: ['cuda', 'cuda:0'] }),
      '["cuda","cuda:0"]',
      'each device once',
    ],
    [
      'models[0].device',
      deviceOptions({ device: 1 }),
      '1',
      'a device, an array of devices, or { providers: […] }',
    ],
    [
      'models[0].device.providers[0].library',
      deviceOptions({ device: { providers: [{ name: 'x', library: 1 }] } }),
      '1',
      'a string that is not empty',
    ],
    [
      'models[0].gpuMemoryLimitBytes',
      deviceOptions({ gpuMemoryLimitBytes: 0.5 }),
      '0.5',
      'an integer of at least 1',
    ],
    ['models[0].shrinkArena', deviceOptions({ shrinkArena: 'yes' }), '"yes"', 'one of true, false'],
    [
      'models[0].cuda.convSearch',
      deviceOptions({ cuda: { convSearch: 'EXHAUSTIVE' } }),
      '"EXHAUSTIVE"',
      'one of "exhaustive", "heuristic", "default"',
    ],
    [
      'models[0].tensorrt.int8.calibrationTable',
      deviceOptions({ tensorrt: { int8: { calibrationTable: '../table' } } }),
      '"../table"',
      'the name of a file in the version’s directory',
    ],
    [
      'models[0].tensorrt.int8.calibrationTable',
      deviceOptions({ tensorrt: { int8: {} } }),
      'undefined',
      'a string that is not empty',
    ],
    [
      'models[0].tensorrt.shapes["x"].min',
      deviceOptions({ tensorrt: { shapes: { x: { opt: [1], max: [1] } } } }),
      'undefined',
      'an array of sizes',
    ],
    [
      'models[0].tensorrt.shapes["x"].max[1]',
      deviceOptions({ tensorrt: { shapes: { x: { min: [1, 1], opt: [1, 1], max: [1, 0] } } } }),
      '0',
      'an integer of at least 1',
    ],
  ];
  it.each(wrong.map(([option, options, actual, expected]) => ({ option, options, actual, expected })))(
    'refuses $option where it is $actual',
    ({ option, options, actual, expected }) => {
      expect(caught(() => resolveOptions(options))).toMatchObject({
        code: 'INVALID_ARGUMENT',
        option,
        actual,
        expected,
        message: `Cannot use option ${option}: got ${actual}, expected ${expected}`,
      });
    },
  );

  it.each<[option: string, options: never, known: string]>([
    ['pollInterval', serverOptions({ pollInterval: 5 }), 'pollIntervalMs'],
    ['models[0].path', modelOptions({ path: '/models' }), 'basePath'],
    ['models[0].versionPolicy.lastest', modelOptions({ versionPolicy: { lastest: 1 } }), 'latest, specific'],
    ['models[0].session.threads', sessionOptions({ threads: 1 }), 'intraOpNumThreads'],
    [
      'models[0].device.providers[0].path',
      deviceOptions({ device: { providers: [{ name: 'x', path: '' }] } }),
      'name, options, library',
    ],
    ['models[0].session.toString', sessionOptions({ toString: 1 }), 'intraOpNumThreads'],
  ])('refuses %s, which it does not know, and says what it knows', (option, options, known) => {
    const error = caught(() => resolveOptions(options));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', option });
    expect(error.message).toBe(`Unknown option ${option}, expected one of ${error.expected}`);
    expect(error.expected).toContain(known);
  });

  it('shows an option that cannot be written as JSON by its kind', () => {
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    const wrong = serverOptions({ inlineRuns: cyclic });
    expect(caught(() => resolveOptions(wrong)).actual).toBe('[object Object]');
  });
});
