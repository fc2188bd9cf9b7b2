import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { isInContext } from '../support/container/docker-ignore.js';
import { parseDockerfile } from '../support/container/dockerfile.js';
import { buildImage, type Image, link } from '../support/container/image.js';
import { temporaryFolder } from '../support/onnx/model-folder.js';

const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const read = (file: string) => readFileSync(join(repository, file), 'utf8');
const dockerfile = parseDockerfile(read('Dockerfile'));
const ignore = read('.dockerignore');
const lastStage = dockerfile.stages.at(-1)?.name as string;

const canInstall =
  spawnSync('npm', ['view', 'koffi', 'version', '--fetch-retries=0', '--fetch-timeout=5000']).status === 0;
/** Why the image is not built here; undefined where it is. */
const reason = canInstall ? undefined : 'the npm registry cannot be reached';

const folder = temporaryFolder();
chmodSync(folder, 0o755);

describe('.dockerignore', () => {
  it.each([
    ['src/core/tensor.ts', true],
    ['src', true],
    ['protos/generate.mjs', true],
    ['package-lock.json', true],
    ['container/keep-packages.mjs', true],
    ['src/wire/generated/messages.js', false],
    ['node_modules/koffi/index.js', false],
    ['test/examples.test.ts', false],
    ['examples/models/digits/1/model.onnx', false],
    ['.git/config', false],
    ['dist/index.js', false],
  ])('says of %s that it is sent: %s', (file, isSent) => {
    expect(isInContext(ignore, file)).toBe(isSent);
  });
});

describe('the Dockerfile', () => {
  const instructions = (stage: string) =>
    dockerfile.stages.find(({ name }) => name === stage)?.instructions ?? [];
  const only = (stage: string, ...names: readonly string[]) =>
    instructions(stage).filter(({ name }) => names.includes(name));

  it('begins all stages but the one of GPUs with the same slim image of a Node.js that is supported', () => {
    const { engines } = JSON.parse(read('package.json'));
    const [, major] = dockerfile.args.NODE_IMAGE?.match(/^node:(\d+)-slim$/) ?? [];
    expect(engines.node).toMatch(new RegExp(`^>=${major}\\b`));
    const bases = dockerfile.stages.map(({ name, from }) => [name, from]);
    expect(bases.filter(([, from]) => from !== dockerfile.args.NODE_IMAGE)).toEqual([
      ['gpu-packages', 'packages'],
      ['gpu', dockerfile.args.CUDA_IMAGE],
    ]);
  });

  it('says the same of the image for GPUs, which only adds a device', () => {
    const said = ['ENV', 'EXPOSE', 'USER', 'STOPSIGNAL', 'HEALTHCHECK'];
    expect(only('gpu', ...said)).toEqual(only(lastStage, ...said));
    const [[gpu], [cpu]] = [only('gpu', 'ENTRYPOINT'), only(lastStage, 'ENTRYPOINT')];
    expect(gpu?.list).toEqual([...(cpu?.list ?? []), '--config=/app/gpu.json']);
    expect(JSON.parse(read('container/gpu.json'))).toEqual({ device: 'cuda:0' });
  });
});

/** A port that a started program has written to its stderr. */
function heard(child: ReturnType<typeof spawn>, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr?.on('data', (piece) => {
      text += piece;
      const match = text.match(pattern);
      if (match !== null) resolve(match[1] as string);
    });
    child.on('close', () => reject(new Error(`It ended without saying ${pattern}: ${text}`)));
  });
}

// Skipped, with its reason, where it cannot be built.
describe.skipIf(reason !== undefined)(
  `the image${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    let image: Image;
    beforeAll(() => {
      image = buildImage(dockerfile, lastStage, { context: repository, ignore, folder, instead });
      const models = join(image.root, 'models/digits');
      mkdirSync(models, { recursive: true });
      cpSync(join(repository, 'examples/models/digits'), models, { recursive: true });
    }, 120_000);

    /** What `npm ci` would install of the lock file is what is installed here: links to it are made in a tenth of the time. */
    function instead(command: string, cwd: string): boolean {
      if (!command.startsWith('npm ci')) return false;
      expect(readFileSync(join(cwd, 'package-lock.json'), 'utf8')).toBe(read('package-lock.json'));
      link(join(repository, 'node_modules'), join(cwd, 'node_modules'));
      return true;
    }

    const inImage = (text: string) => text.replace(/(^|=)(\/(?:app|models|config)\b)/, `$1${image.root}$2`);
    /** By the user of the image, where this process may choose one. */
    const asUser = () => {
      const [uid, gid] = image.user.split(':').map(Number) as [number, number];
      return process.getuid?.() === 0 ? { uid, gid } : {};
    };
    const environment = (more: Readonly<Record<string, string>> = {}) => {
      const env = Object.entries({ ...image.env, ...more }).map(([name, value]) => [name, inImage(value)]);
      return { PATH: process.env.PATH, ...Object.fromEntries(env) };
    };

    function start(
      args: readonly string[],
      env: Readonly<Record<string, string>>,
      command: readonly string[] = image.entrypoint.map(inImage),
    ) {
      const [program = '', ...entry] = command;
      const flags = [...args.map(inImage), '--grpc_address=127.0.0.1:0', '--rest_address=127.0.0.1:0'];
      const child = spawn(program, [...entry, ...flags], {
        cwd: join(image.root, image.workdir),
        env: environment(env),
        stdio: ['ignore', 'pipe', 'pipe'],
        ...asUser(),
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      return child;
    }

    it('holds what runs, and no sources, no tools and no other platforms', () => {
      expect(readdirSync(join(image.root, 'app')).sort()).toEqual([
        'LICENSE',
        'dist',
        'node_modules',
        'package.json',
      ]);
      const modules = join(image.root, 'app/node_modules');
      for (const gone of ['typescript', 'vitest', '@biomejs'])
        expect(existsSync(join(modules, gone)), gone).toBe(false);
      const binaries = join(modules, 'onnxruntime-node/bin/napi-v6');
      const kept = readdirSync(binaries).flatMap((each) =>
        readdirSync(join(binaries, each)).map((arch) => `${each}/${arch}`),
      );
      expect(kept).toEqual([`${process.platform}/${process.arch}`]);
    });

    it('is run by a user who is not root, by number', () => {
      const [uid] = image.user.split(':');
      expect(Number(uid)).toBeGreaterThan(0);
      expect(image.ports).toEqual([8500, 8501]);
      expect(image.stopSignal).toBe('SIGTERM');
    });

    it('serves the model that the environment names, is healthy, and drains on SIGTERM', async () => {
      const child = start(['--lame_duck_seconds=0'], { MODEL_NAME: 'digits' });
      const [url] = await Promise.all([
        heard(child, /REST is served on (http:\S+)/),
        heard(child, /gRPC is served on (\S+)/),
      ]);
      await expect.poll(async () => (await fetch(`${url}/readyz`)).status, { timeout: 20_000 }).toBe(200);
      const answer = await fetch(`${url}/v1/models/digits:predict`, {
        method: 'POST',
        body: JSON.stringify({ instances: [Array(64).fill(0)] }),
      });
      expect([
        answer.status,
        ((await answer.json()) as { predictions: unknown[] }).predictions.length,
      ]).toEqual([200, 1]);
      const check = (at: string) => {
        const [program = '', ...args] = image.healthCheck;
        return spawnSync(program, args, { env: environment({ HEALTH_URL: at }) }).status;
      };
      expect(image.env.HEALTH_URL).toBe('http://127.0.0.1:8501/readyz');
      expect([check(`${url}/readyz`), check('http://127.0.0.1:1/readyz')]).toEqual([0, 1]);
      child.kill(image.stopSignal as NodeJS.Signals);
      expect(await once(child, 'exit')).toEqual([0, null]);
    });

    it('starts by the path of TensorFlow Serving’s program, which pods may name as their command', async () => {
      const flags = ['--model_name=digits', '--model_base_path=/models/digits', '--lame_duck_seconds=0'];
      const child = start(flags, {}, [join(image.root, 'usr/bin/tensorflow_model_server')]);
      const url = await heard(child, /REST is served on (http:\S+)/);
      await expect.poll(async () => (await fetch(`${url}/readyz`)).status, { timeout: 20_000 }).toBe(200);
      child.kill('SIGTERM');
      expect(await once(child, 'exit')).toEqual([0, null]);
    });

    it('says what is wrong with its arguments, as a container that ends', async () => {
      const child = start(['--rest_api_prot=8501'], {});
      let said = '';
      child.stderr?.on('data', (piece) => {
        said += piece;
      });
      const [code] = await once(child, 'close');
      expect([code !== 0, said]).toEqual([true, expect.stringContaining('rest_api_prot')]);
    });

    /** The `docker run` lines of the documentation that need no GPU. */
    const lines = [
      ...read('docs/container.md')
        .replace(/ \\\n\s+/g, ' ')
        .matchAll(/^docker run (.*)$/gm),
    ]
      .map(([, line]) => line as string)
      .filter((line) => !line.includes('--gpus'));

    it.each(lines)('serves by what its documentation says: docker run %s', async (line) => {
      const { args, env, mounts } = dockerRun(line);
      for (const { source, target } of mounts) {
        const at = join(image.root, target);
        cpSync(join(repository, 'examples', standIns[source] ?? missing(source)), at, { recursive: true });
        rewritePaths(at);
      }
      const child = start(args, env);
      const url = await heard(child, /REST is served on (http:\S+)/);
      await expect.poll(async () => (await fetch(`${url}/readyz`)).status, { timeout: 20_000 }).toBe(200);
      child.kill('SIGKILL');
      await once(child, 'exit');
    });

    /** What the documentation's paths stand for here, below examples/. */
    const standIns: Readonly<Record<string, string>> = {
      '/srv/models/digits': 'models/digits',
      '/srv/models': 'models',
      '/srv/config': 'container',
    };
    const missing = (source: string): never => {
      throw new Error(`The documentation mounts ${source}, which stands for nothing here`);
    };

    /** Paths that config files name are those of the image. */
    function rewritePaths(at: string): void {
      for (const name of readdirSync(at)) {
        if (!name.endsWith('.config')) continue;
        const file = join(at, name);
        const text = readFileSync(file, 'utf8');
        writeFileSync(file, text.replace(/base_path: "\/models/g, `base_path: "${image.root}/models`));
      }
    }
  },
);

/** What a `docker run` asks for: its environment, its mounts, and what it hands to the entry point. */
function dockerRun(line: string) {
  const words = line.split(/\s+/);
  const env: Record<string, string> = {};
  const mounts: { source: string; target: string }[] = [];
  while (words[0]?.startsWith('-')) {
    const flag = words.shift() as string;
    if (['-d', '--rm', '--read-only', '--init'].includes(flag)) continue;
    const value = words.shift() ?? '';
    if (flag === '-e') env[value.split('=')[0] as string] = value.slice(value.indexOf('=') + 1);
    else if (flag === '-v') {
      const [source = '', target = ''] = value.split(':');
      mounts.push({ source, target });
    } else if (!['-p', '--name', '--tmpfs', '--cpus', '--memory', '--stop-timeout'].includes(flag)) {
      throw new Error(`docker run ${flag} means nothing here`);
    }
  }
  const [name, ...args] = words;
  expect(name).toBe('servable');
  return { env, mounts, args };
}
