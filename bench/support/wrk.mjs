import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'servable-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Ends the bench, with the reason, where wrk is missing. */
export async function assertWrk() {
  const status = await run('wrk', ['--version']).then(
    () => 1,
    ({ code }) => code,
  );
  if (status === 1) return; // it says its version, and that this is no load
  console.error('This bench needs wrk: apt-get install wrk');
  process.exit(1);
}

/**
 * Posts one body again and again for some seconds, over connections that always wait for an answer.
 *
 * @param {number} port
 * @param {{ path: string, body: Buffer, connections: number, seconds: number }} load
 * @returns {Promise<{ perSecond: number, requests: number, p50Ms: number, p99Ms: number }>}
 */
export async function postAgain(port, { path, body, connections, seconds }) {
  const bodyFile = join(folder, 'body');
  const script = join(folder, 'post.lua');
  writeFileSync(bodyFile, body);
  writeFileSync(
    script,
    `wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
local file = io.open("${bodyFile}", "rb")
wrk.body = file:read("*a")
file:close()`,
  );
  const { stdout } = await run('wrk', [
    ...['-t1', `-c${connections}`, `-d${seconds}`, '--latency', '--timeout', '30', '-s', script],
    `http://127.0.0.1:${port}${path}`,
  ]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`Some requests failed: ${stdout}`);
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    requests: Number(/(\d+) requests in/.exec(stdout)?.[1]),
    p50Ms: milliseconds(/50%\s+([\d.]+\w+)/.exec(stdout)?.[1]),
    p99Ms: milliseconds(/99%\s+([\d.]+\w+)/.exec(stdout)?.[1]),
  };
}

/** @param {string} [text] */
function milliseconds(text = '') {
  const units = { us: 0.001, ms: 1, s: 1000 };
  const [, number, unit] = /^([\d.]+)(us|ms|s)$/.exec(text) ?? [];
  return Number(number) * units[/** @type {keyof typeof units} */ (unit)];
}
