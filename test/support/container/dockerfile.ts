/** One instruction of a Dockerfile. */
export interface Instruction {
  /** In capital letters: `RUN`. */
  readonly name: string;
  /** Its flags by name, without dashes: `from` of `COPY --from=build`. */
  readonly flags: Readonly<Record<string, string>>;
  /** The rest of it; a list where it is written as JSON. */
  readonly text: string;
  readonly list: readonly string[] | undefined;
}

/** What is built of one `FROM`. */
export interface Stage {
  readonly name: string;
  /** Another stage, or an image. */
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  /** Default values of the arguments that stand before the first stage. */
  readonly args: Readonly<Record<string, string>>;
  readonly stages: readonly Stage[];
}

/** Reads what this repository's Dockerfile makes use of; no heredocs, no other escape. */
export function parseDockerfile(text: string): Dockerfile {
  const args: Record<string, string> = {};
  const stages: { name: string; from: string; instructions: Instruction[] }[] = [];
  for (const line of logicalLines(text)) {
    const instruction = parseInstruction(line);
    if (instruction.name === 'FROM') {
      const [from = '', , name = String(stages.length)] = instruction.text.split(/\s+/);
      stages.push({ name, from: expand(from, args), instructions: [] });
    } else if (stages.length === 0 && instruction.name === 'ARG') {
      Object.assign(args, assignments(instruction.text, {}));
    } else {
      stages.at(-1)?.instructions.push(instruction);
    }
  }
  return { args, stages };
}

/** `A=1 B="2 3"`, with `${C}` filled in. */
export function assignments(text: string, known: Readonly<Record<string, string>>): Record<string, string> {
  const found = [...text.matchAll(/(\w+)=("[^"]*"|\S*)/g)];
  return Object.fromEntries(
    found.map(([, name = '', value = '']) => [name, expand(value.replace(/^"(.*)"$/, '$1'), known)]),
  );
}

export function expand(text: string, known: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{(\w+)\}/g, (whole, name: string) => known[name] ?? whole);
}

function logicalLines(text: string): readonly string[] {
  const lines = text.split('\n').filter((line) => !/^\s*#/.test(line));
  return lines
    .join('\n')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function parseInstruction(line: string): Instruction {
  const [, name = '', rest = ''] = line.match(/^(\w+)\s+(.*)$/) ?? [];
  const flags: Record<string, string> = {};
  let text = rest;
  for (
    let match = text.match(/^--([\w-]+)=(\S+)\s*/);
    match !== null;
    match = text.match(/^--([\w-]+)=(\S+)\s*/)
  ) {
    flags[match[1] as string] = match[2] as string;
    text = text.slice(match[0].length);
  }
  return { name: name.toUpperCase(), flags, text, list: text.startsWith('[') ? JSON.parse(text) : undefined };
}
