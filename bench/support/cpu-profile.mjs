import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where code lies, by what stands in its address; the first that fits counts. */
const areas = [
  { area: 'grpc-js', pattern: /node_modules\/@grpc/ },
  { area: 'servable: transport and wire', pattern: /dist\/(transport|wire)/ },
  { area: 'onnxruntime, through koffi', pattern: /dist\/runner\/ort\/c-api/ },
  { area: 'servable: predict and runner', pattern: /dist\// },
  { area: 'node: HTTP/2, streams, timers', pattern: /^node:/ },
];

/** A folder for the profile of a process that is started with `options`, and ends in good order. */
export class CpuProfile {
  #folder = mkdtempSync(join(tmpdir(), 'servable-profile-'));

  /** What the process is to be started with. */
  get options() {
    return ['--cpu-prof', `--cpu-prof-dir=${this.#folder}`];
  }

  /**
   * The time that the thread was busy for, in microseconds, by area; the folder goes.
   *
   * @returns {Map<string, number>}
   */
  read() {
    const [file] = readdirSync(this.#folder);
    const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(join(this.#folder, file ?? ''), 'utf8'));
    rmSync(this.#folder, { recursive: true });
    const frames = new Map(nodes.map((/** @type {any} */ node) => [node.id, node.callFrame]));
    /** @type {Map<string, number>} */
    const micros = new Map();
    for (const [place, id] of samples.entries()) {
      const area = areaOf(frames.get(id));
      if (area !== undefined) micros.set(area, (micros.get(area) ?? 0) + timeDeltas[place]);
    }
    return micros;
  }
}

/** @param {{ functionName: string, url: string }} frame */
function areaOf({ functionName, url }) {
  if (functionName === '(idle)') return undefined;
  if (functionName === '(garbage collector)') return 'garbage collection';
  return areas.find(({ pattern }) => pattern.test(url))?.area ?? 'native code of node, and the rest';
}
