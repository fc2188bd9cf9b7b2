import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { tensor } from 'servable';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeNpy, encodeNpy } from '#dist/cli/predict/npy.js';
import { Certificates, hasOpenssl } from '../support/certificates.js';
import { linear, passthrough, strings } from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { runProgram, serveProgram } from '../support/program.js';

const folder = temporaryFolder();
const basePath = writeModel(folder, 'linear', 1, linear(2, 1));
const digits = resolve('examples/models/digits');
const { pixels, label } = JSON.parse(readFileSync(join(digits, 'test-set.json'), 'utf8'));

function file(name: string, contents: unknown): string {
  const path = join(folder, name);
  const isRaw = typeof contents === 'string' || contents instanceof Uint8Array;
  writeFileSync(path, isRaw ? contents : JSON.stringify(contents));
  return path;
}

async function predict(...args: string[]) {
  const { code, stdout, stderr } = await runProgram(['predict', ...args]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

describe('servable predict with a model on disk', () => {
  it('answers the body of a predict request in its own form', async () => {
    const rows = file('rows.json', { instances: pixels.slice(0, 5) });
    const { predictions } = await predict(digits, '--model_version=2', '--body', rows, '--outputs=label');
    expect(predictions).toEqual(label.slice(0, 5));
    const columns = file('columns.json', { inputs: { x: [1, 2] } });
    expect(await predict(basePath, '--body', columns)).toEqual({ outputs: [3, 5] });
  });

  it('answers the body of a classify request', async () => {
    const body = file('examples.json', { examples: [{ x: 4.0 }, { x: 0.5 }] });
    expect(await predict(basePath, '--body', body)).toEqual({ outputs: [9, 2] });
  });

  it('reads the standard input, and says on stderr which version answered', async () => {
    const input = '{"instances": [1]}\n';
    const { stdout, stderr } = await runProgram(['predict', basePath, '--body=-'], { input });
    expect(JSON.parse(stdout)).toEqual({ predictions: [3] });
    expect(stderr).toMatch(/^linear@1 answered in \d+\.\d ms\n$/);
  });

  it('takes .npy files, whose elements become those of the input', async () => {
    const doubles = file('x.npy', encodeNpy(tensor('float64', [2], [1, 2])));
    expect(await predict(basePath, `--input=x=${doubles}`)).toEqual({ outputs: [3, 5] });
    const integers = file('i.npy', encodeNpy(tensor('int64', [1], [7n])));
    expect(await predict(basePath, `--input=x=${integers}`)).toEqual({ outputs: [15] });
  });

  it('takes a .json file for an input', async () => {
    expect(await predict(basePath, `--input=x=${file('x.json', [0.5])}`)).toEqual({ outputs: [2] });
  });

  it('saves outputs as .npy files', async () => {
    const saved = join(folder, 'saved');
    await predict(basePath, `--input=x=${file('s.json', [1, 2, 3])}`, '--save', saved);
    expect(decodeNpy(readFileSync(join(saved, 'y.npy')), 'y.npy')).toEqual(tensor('float32', [3], [3, 5, 7]));
  });

  it('gives strings as they are', async () => {
    const path = writeModel(folder, 'strings', 1, strings());
    const { stdout, code } = await runProgram(['inspect', path, '--json']);
    expect(code).toBe(0);
    const [alias = ''] = Object.keys(JSON.parse(stdout).signatures.serving_default.inputs);
    const body = file('strings.json', { inputs: { [alias]: ['ä', 'b'] } });
    expect(JSON.stringify(await predict(path, '--body', body))).toContain('ä');
  });

  it.each<[string, readonly string[], number, RegExp]>([
    ['no request', [basePath], 2, /expected either --body or --input/],
    ['two requests', [basePath, '--body=a', '--input=x=b'], 2, /expected either --body or --input/],
    ['an input without a file', [basePath, '--input=x'], 2, /Expected alias=file/],
    [
      'a file that is not there',
      [basePath, '--input=x=/nowhere.npy'],
      2,
      /Cannot read \/nowhere.npy: it does not exist/,
    ],
    [
      'a file of another kind',
      [basePath, `--input=x=${file('x.txt', '1')}`],
      1,
      /expected a .npy or .json file/,
    ],
    [
      'an unknown input',
      [basePath, `--input=z=${file('z.json', [1])}`],
      1,
      /Cannot use input "z": serving_default has x/,
    ],
    ['an unknown output', [basePath, `--input=x=${file('o.json', [1])}`, '--outputs=q'], 1, /"?q"?/],
    [
      'an unknown signature',
      [basePath, `--input=x=${file('g.json', [1])}`, '--signature=q'],
      1,
      /"q" not found/,
    ],
    ['an empty body', [basePath, `--body=${file('e.json', ' ')}`], 1, /holds no requests, expected one/],
    ['two bodies', [basePath, `--body=${file('2.json', '{}\n{}')}`], 1, /holds 2 requests, expected one/],
    [
      'a body that is no JSON',
      [basePath, `--body=${file('n.json', '{"instances"')}`],
      1,
      /on line 1: JSON Parse error/,
    ],
    [
      'rows that do not fit',
      [digits, `--body=${file('r.json', { instances: [[1]] })}`],
      1,
      /expected float32 \[batch,64\]/,
    ],
    [
      'elements that do not fit',
      [
        writeModel(folder, 'int', 1, passthrough(['int8'])),
        `--input=int8=${file('f.npy', encodeNpy(tensor('float32', [1], [0.5])))}`,
      ],
      1,
      /Cannot use float32 for input "int8" of int8|Cannot use input "int8"/,
    ],
  ])('refuses %s', async (_what, args, code, message) => {
    const ended = await runProgram(['predict', ...args]);
    expect(ended.stderr).toMatch(message);
    expect(ended).toMatchObject({ code, stdout: '' });
  });
});

describe('servable predict with a server', () => {
  const body = file('served.json', { instances: pixels.slice(0, 3) });
  const ask = ['--model=digits', '--body', body, '--outputs=label'];
  const expected = { predictions: label.slice(0, 3) };

  it('asks over gRPC and REST, for the model, the version or the label that is named', async () => {
    const models = [
      { name: 'digits', basePath: digits, versionPolicy: 'all', labels: { stable: 1, good: 2 } },
      { name: 'linear', basePath },
    ];
    const program = await serveProgram(['--config', file('models.json', { models })]);
    await program.said(/linear: version 1/);
    for (const address of [`grpc://${program.grpc}`, program.rest]) {
      expect(await predict(address, ...ask, '--model_version=2')).toEqual(expected);
      expect(await predict(address, ...ask, '--label=good')).toEqual(expected);
      const { stderr } = await runProgram(['predict', address, ...ask]);
      expect(stderr).toMatch(/^digits@3 answered in/);
      const npy = file('served.npy', encodeNpy(tensor('float64', [1], [2])));
      expect(await predict(address, '--model=linear', `--input=x=${npy}`)).toEqual({ outputs: [5] });
      const refused = await runProgram(['predict', address, '--model=letters', '--body', body]);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toMatch(/^servable: .*letters/);
    }
  });

  it.skipIf(!hasOpenssl)('trusts the roots of --ca alone (needs openssl)', async () => {
    const certificates = new Certificates(folder);
    const authority = certificates.authority('authority');
    const { key, cert } = certificates.issue(authority, 'server');
    const quoted = (pem: string) => JSON.stringify(pem);
    const ssl = file('ssl.config', `server_key: ${quoted(key)} server_cert: ${quoted(cert)}`);
    const program = await serveProgram([
      ...['--model_name=digits', `--model_base_path=${digits}`, `--ssl_config_file=${ssl}`],
    ]);
    await program.said(/digits: version 3/);
    const address = `grpcs://${program.grpc.replace('127.0.0.1', 'localhost')}`;
    const { predictions } = await predict(address, ...ask, '--ca', file('ca.pem', authority.cert));
    expect(predictions).toHaveLength(3);
    const stranger = await runProgram(['predict', address, ...ask, '--timeout_ms=5000']);
    expect(stranger).toMatchObject({ code: 1, stdout: '' });
  });

  it('sends the headers that it is told to', async () => {
    const heard: (string | string[] | undefined)[] = [];
    const server = createHttpServer(({ headers }, response) => {
      heard.push(headers.authorization, headers['x-tenant']);
      response.writeHead(401).end('{"error":"Go away"}');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const headers = ['--header', 'authorization=Bearer a=b', '--header=x-tenant=one'];
    const { code, stderr } = await runProgram(['predict', address, ...ask, ...headers]);
    expect([code, stderr]).toEqual([1, 'servable: Go away\n']);
    expect(heard).toEqual(['Bearer a=b', 'one']);
  });

  it.each<[string, readonly string[], number, RegExp]>([
    ['a server without a model', ['grpc://h:1', '--body', body], 2, /expected --model, too/],
    [
      'a device of a server',
      ['http://h:1', ...ask, '--device=cpu'],
      2,
      /Cannot use --device: a server has its own/,
    ],
    ['a header that is none', ['grpc://h:1', ...ask, '--header=x'], 2, /Expected name=value/],
    [
      'a root for a model on disk',
      [digits, '--body', body, '--ca=x'],
      2,
      /Cannot use --ca: .* is a model on disk/,
    ],
    ['a label of a model on disk', [digits, '--body', body, '--label=a'], 2, /is a model on disk, no server/],
    ['a time that is none', ['grpc://h:1', ...ask, '--timeout_ms=0'], 2, /Expected a number of more than 0/],
    ['an address that is none', ['grpc://h:1/x', ...ask], 1, /Cannot use option address/],
  ])('refuses %s', async (_what, args, code, message) => {
    const ended = await runProgram(['predict', ...args]);
    expect(ended.stderr).toMatch(message);
    expect(ended).toMatchObject({ code, stdout: '' });
  });

  it.each(['grpc', 'http'])('does not wait for ever for a %s server that does not answer', async (scheme) => {
    const silent = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const { code, stderr } = await runProgram([
      'predict',
      `${scheme}://127.0.0.1:${port}`,
      ...ask,
      '--timeout_ms=300',
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^servable: /);
  });

  it.each(['grpc', 'http'])('says that nobody is there at a %s address', async (scheme) => {
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address() as AddressInfo;
    gone.close();
    const { code, stderr } = await runProgram(['predict', `${scheme}://127.0.0.1:${port}`, ...ask]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^servable: .*ECONNREFUSED/);
  });
});

describe('.npy files', () => {
  const numbers = ['float32', 'float64', 'int8', 'int16', 'int32', 'uint8', 'uint16', 'uint32'] as const;

  it.each(numbers)('hold %s', (dtype) => {
    for (const shape of [[], [0], [3], [2, 3]]) {
      const count = shape.reduce((product, size) => product * size, 1);
      const given = tensor(dtype, shape, Array.from({ length: count }, (_, index) => index + 1) as never);
      expect(decodeNpy(encodeNpy(given), 'a.npy')).toEqual(given);
    }
  });

  it('hold 64 bits, halves and booleans', () => {
    const all = [
      tensor('int64', [2], [-(2n ** 63n), 2n ** 63n - 1n]),
      tensor('uint64', [1], [2n ** 64n - 1n]),
      tensor('float16', [2], [0.5, -2]),
      tensor('bool', [2], [true, false]),
    ];
    for (const given of all) expect(decodeNpy(encodeNpy(given), 'a.npy')).toEqual(given);
  });

  it.each([tensor('string', [1], ['a']), tensor('bfloat16', [1], [1])])(
    'have no type for $dtype',
    (given) => {
      expect(() => encodeNpy(given)).toThrow(`Cannot write ${given.dtype} as .npy: expected one of float16`);
    },
  );

  const whole = encodeNpy(tensor('float32', [2, 3], [1, 2, 3, 4, 5, 6]));
  const withHeader = (from: string, to: string) =>
    Buffer.from(Buffer.from(whole).toString('latin1').replace(from, to), 'latin1');

  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(), 'it does not begin as such files do'],
    ['another file', Buffer.from('PK\x03\x04'), 'it does not begin as such files do'],
    ['the beginning', whole.subarray(0, 7), 'it ends in its header'],
    ['half a header', whole.subarray(0, 20), 'it ends in its header'],
    ['half the elements', whole.subarray(0, -1), 'it has 23 bytes of elements, expected 24'],
    ['big-endian elements', withHeader('<f4', '>f4'), 'its elements are >f4, expected one of <f2'],
    ['objects', withHeader('<f4', '|O8'), 'its elements are |O8, expected one of'],
    ['another header', withHeader('shape', 'shame'), 'expected descr, fortran_order and shape'],
  ])('are refused where they hold %s', (_what, bytes, message) => {
    expect(() => decodeNpy(bytes, 'a.npy')).toThrow(message);
  });

  const hasNumpy = spawnSync('/usr/bin/python3', ['-c', 'import numpy']).status === 0;

  it.skipIf(!hasNumpy)('are those of NumPy, both ways (needs python3-numpy)', () => {
    const script = `
import numpy as np, sys
a = np.arange(24).reshape(2, 3, 4)
for name, array in {
    'c': a.astype('<f4'), 'f': np.asfortranarray(a.astype('<i8')), 'u': np.array(['ä', 'bc'], dtype='<U3'),
    's': np.array([b'a', b'bc'], dtype='|S3'), 'half': a.astype('<f2'), 'b': a % 2 == 0, 'scalar': np.array(3.5)}.items():
    np.save(sys.argv[1] + '/np-' + name + '.npy', array)
print(np.load(sys.argv[2]).tolist())`;
    const path = file('ours.npy', whole);
    const { stdout, status } = spawnSync('/usr/bin/python3', ['-c', script, folder, path], {
      encoding: 'utf8',
    });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const read = (name: string) => decodeNpy(readFileSync(join(folder, `np-${name}.npy`)), name);
    const range = Array.from({ length: 24 }, (_, index) => index);
    expect(read('c')).toEqual(tensor('float32', [2, 3, 4], range));
    expect(read('f')).toEqual(tensor('int64', [2, 3, 4], range));
    expect(read('half')).toEqual(tensor('float16', [2, 3, 4], range));
    expect(read('b')).toEqual(
      tensor(
        'bool',
        [2, 3, 4],
        range.map((each) => each % 2 === 0),
      ),
    );
    expect(read('scalar')).toEqual(tensor('float64', [], [3.5]));
    expect(read('u')).toEqual(tensor('string', [2], ['ä', 'bc']));
    expect(read('s')).toEqual(
      tensor(
        'string',
        [2],
        [Buffer.from('a'), Buffer.from('bc')].map((each) => new Uint8Array(each)),
      ),
    );
  });
});
