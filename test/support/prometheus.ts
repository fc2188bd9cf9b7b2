import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';

/** Programs of Debian's package `prometheus` that lack here; empty where all are there. */
export const missingForPrometheus = ['prometheus', 'promtool'].filter(
  (program) => spawnSync(program, ['--version']).error !== undefined,
);

/** What promtool prints about a text of metrics. Status 3 is advice about names, 1 a text that it cannot read. */
export function checkMetrics(text: string): { readonly status: number | null; readonly advice: string[] } {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  });
  return { status, advice: `${stdout}${stderr}`.split('\n').filter((line) => line !== '') };
}

/** One result of a query. */
export interface PromResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** A Prometheus of its own, that scrapes one address. */
export class Prometheus {
  readonly #address: string;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(address: string, child: ChildProcess, folder: string) {
    this.#address = address;
    this.#process = child;
    this.#folder = folder;
  }

  static async start(target: string, metricsPath: string): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'servable-prometheus-'));
    const config = {
      global: { scrape_interval: '200ms', scrape_timeout: '200ms' },
      scrape_configs: [
        { job_name: 'servable', metrics_path: metricsPath, static_configs: [{ targets: [target] }] },
      ],
    };
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config)); // JSON is YAML
    const address = `127.0.0.1:${await freePort()}`;
    const args = [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      '--enable-feature=exemplar-storage',
      '--log.level=error',
    ];
    const child = spawn('prometheus', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    return new Prometheus(address, child, folder);
  }

  /** The results of a query, as soon as there are any: what was scraped shows a little later. */
  async query(promql: string): Promise<readonly PromResult[]> {
    return await this.#until(`/api/v1/query?query=${encodeURIComponent(promql)}`, (data) => data.result);
  }

  /** What an endpoint answers, as soon as it is not empty. */
  async get(path: string): Promise<readonly unknown[]> {
    return await this.#until(path, (data) => (Array.isArray(data) ? data : Object.entries(data)));
  }

  async close(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill();
    await ended;
    rmSync(this.#folder, { recursive: true });
  }

  // biome-ignore lint/suspicious/noExplicitAny: an answer of another program's API
  async #until<T>(path: string, listOf: (data: any) => readonly T[]): Promise<readonly T[]> {
    const ask = async () => {
      const answer = await fetch(`http://${this.#address}${path}`);
      const { status, error, data } = (await answer.json()) as {
        status: string;
        error?: string;
        data: unknown;
      };
      if (status !== 'success') throw new Error(`${path}: ${error}`);
      const list = listOf(data);
      if (list.length === 0) throw new Error(`${path}: nothing yet`);
      return list;
    };
    return await vi.waitFor(ask, { timeout: 20_000, interval: 100 });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
