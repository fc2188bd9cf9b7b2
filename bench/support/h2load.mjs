import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ByteSink } from '#dist/wire/byte-sink.js';
import { writeSpec, writeTensors } from '#dist/wire/write-predict.js';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'servable-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

export const predictPath = '/tensorflow.serving.PredictionService/Predict';

/** Ends the bench, with the reason, where h2load of nghttp2 is missing. */
export async function assertH2load() {
  try {
    await run('h2load', ['--version']);
  } catch {
    console.error('This bench needs h2load: apt-get install nghttp2-client');
    process.exit(1);
  }
}

/**
 * A PredictRequest of one tensor `x`.
 *
 * @param {string} model
 * @param {import('servable').Tensor} x
 * @param {{ asTensorContent?: boolean }} [options]
 */
export function predictRequest(model, x, options) {
  const sink = new ByteSink();
  sink.message(1, (to) => writeSpec(to, { model, signature: '' }));
  writeTensors(sink, 2, { x }, options);
  return Buffer.from(sink.written);
}

/**
 * Sends one message again and again. It counts as answered what has HTTP's status 200: gRPC's own status is for the bench to
 * check by other means.
 *
 * @param {number} port
 * @param {Buffer} message
 * @param {{ requests: number, connections: number, streams: number, isLogged?: boolean }} load
 * @returns {Promise<{ perSecond: number, micros: number[] }>} with the time of each request, where they are logged
 */
export async function sendAgain(port, message, { requests, connections, streams, isLogged = false }) {
  const body = join(folder, 'body');
  const log = join(folder, 'log');
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  writeFileSync(body, Buffer.concat([prefix, message]));
  rmSync(log, { force: true });
  const { stdout } = await run('h2load', [
    ...['-n', String(requests), '-c', String(connections), '-m', String(streams), '-d', body],
    ...(isLogged ? [`--log-file=${log}`] : []),
    ...['-w', '24', '-W', '24'], // windows of 16 MiB: what is measured is the server
    ...['-H', 'content-type: application/grpc', '-H', 'te: trailers'],
    `http://127.0.0.1:${port}${predictPath}`,
  ]);
  const [, perSecond] = /, ([\d.]+) req\/s/.exec(stdout) ?? [];
  if (!stdout.includes(`${requests} succeeded, 0 failed`)) throw new Error(`Some requests failed: ${stdout}`);
  const micros = isLogged
    ? readFileSync(log, 'utf8')
        .trim()
        .split('\n')
        .map((line) => Number(line.split('\t')[2]))
    : [];
  return { perSecond: Number(perSecond), micros };
}
