import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isInContext } from './docker-ignore.js';
import { assignments, type Dockerfile, expand, type Instruction, type Stage } from './dockerfile.js';

/** What an image would hold, in a folder, and what it says of itself. */
export interface Image {
  /** The folder that stands for `/`. */
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly healthCheck: readonly string[];
  readonly stopSignal: string;
  readonly ports: readonly number[];
}

export interface BuildOptions {
  /** What is sent to the build: a folder, without what its .dockerignore leaves out. */
  readonly context: string;
  readonly ignore: string;
  /** A folder for the stages. */
  readonly folder: string;
  /** Does a step in its own way, in the folder given; true where it did. */
  readonly instead?: (command: string, cwd: string) => boolean;
}

type Build = { -readonly [K in keyof Image]: Image[K] } & { args: Record<string, string> };

/**
 * Executes the steps of a Dockerfile without a container: each stage is a folder, images that stages begin with are this
 * machine's programs. What it cannot do is refused, not left out.
 */
export function buildImage({ args, stages }: Dockerfile, target: string, options: BuildOptions): Image {
  const built = new Map<string, Build>();
  const build = (name: string): Build => {
    const known = built.get(name);
    if (known !== undefined) return known;
    const stage = stages.find((each) => each.name === name);
    if (stage === undefined) throw new Error(`No stage ${name}`);
    const image = begin(stage, stages, options, build);
    built.set(name, image);
    for (const instruction of stage.instructions) execute(instruction, image, { options, build, args });
    return image;
  };
  return build(target);
}

function begin(
  stage: Stage,
  stages: readonly Stage[],
  { folder }: BuildOptions,
  build: (name: string) => Build,
): Build {
  const root = join(folder, `stage-${stage.name}`);
  mkdirSync(root, { recursive: true });
  chmodSync(root, 0o755);
  if (stages.some(({ name }) => name === stage.from)) {
    const base = build(stage.from);
    link(base.root, root);
    return { ...base, root };
  }
  const none: readonly string[] = [];
  return {
    root,
    env: {},
    workdir: '/',
    user: 'root',
    entrypoint: none,
    healthCheck: none,
    stopSignal: '',
    ports: [],
    args: {},
  };
}

interface Context {
  readonly options: BuildOptions;
  readonly build: (name: string) => Build;
  readonly args: Readonly<Record<string, string>>;
}

function execute(instruction: Instruction, image: Build, context: Context): void {
  const { name, text, list } = instruction;
  switch (name) {
    case 'WORKDIR':
      image.workdir = text;
      mkdirSync(join(image.root, text), { recursive: true });
      return;
    case 'ARG':
      Object.assign(image.args, assignments(text, image.args));
      return;
    case 'ENV':
      image.env = { ...image.env, ...assignments(text, image.env) };
      return;
    case 'COPY':
      copy(instruction, image, context);
      return;
    case 'RUN':
      runStep(text, image, context.options);
      return;
    case 'EXPOSE':
      image.ports = text.split(/\s+/).map(Number);
      return;
    case 'USER':
      image.user = text;
      return;
    case 'STOPSIGNAL':
      image.stopSignal = text;
      return;
    case 'HEALTHCHECK':
      image.healthCheck = JSON.parse(text.replace(/^CMD\s+/, ''));
      return;
    case 'ENTRYPOINT':
      if (list === undefined) throw new Error(`ENTRYPOINT ${text} is run by a shell, which no signal passes`);
      image.entrypoint = list;
      return;
    default:
      throw new Error(`Cannot execute ${name} ${text}`);
  }
}

function copy(
  { flags, text }: Instruction,
  { root, workdir, args }: Build,
  { options, build }: Context,
): void {
  const words = expand(text, args).split(/\s+/);
  const target = words.at(-1) as string;
  const from = flags.from === undefined ? undefined : build(flags.from);
  for (const source of words.slice(0, -1)) {
    const origin = from === undefined ? join(options.context, source) : join(from.root, source);
    if (!existsSync(origin)) throw new Error(`COPY ${text}: there is no ${source}`);
    const isInto = target.endsWith('/') && !statSync(origin).isDirectory();
    const destination = join(
      root,
      target.startsWith('/') ? '' : workdir,
      target,
      isInto ? basename(source) : '',
    );
    if (from !== undefined && statSync(origin).isDirectory()) link(origin, destination);
    else
      cpSync(origin, destination, {
        recursive: true,
        filter: (file) => from !== undefined || isSent(file, options),
      });
    if (!existsSync(destination)) throw new Error(`COPY ${text}: .dockerignore leaves out ${source}`);
  }
}

/** What is copied from stage to stage is never written to: links are made in a tenth of the time. */
export function link(origin: string, destination: string): void {
  mkdirSync(destination, { recursive: true });
  execFileSync('cp', ['-al', `${origin}/.`, destination]);
}

/** A folder is sent where something in it is. */
function isSent(path: string, options: BuildOptions): boolean {
  const { context, ignore } = options;
  const file = path.slice(context.length + 1);
  if (!statSync(path).isDirectory()) return isInContext(ignore, file);
  if (isInContext(ignore, file)) return true;
  return readdirSync(path).some((name) => isSent(join(path, name), options));
}

function runStep(command: string, { root, workdir, env, args }: Build, { instead }: BuildOptions): void {
  const cwd = join(root, workdir);
  if (instead?.(command, cwd)) return;
  execFileSync('sh', ['-euc', command], {
    cwd,
    env: { ...process.env, npm_config_prefer_offline: 'true', ...args, ...env },
    stdio: 'pipe',
  });
}
