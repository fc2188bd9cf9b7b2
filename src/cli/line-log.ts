import { styleText } from 'node:util';
import type { Logger } from '../index.js';
import { type LogFormat, type LogLevel, logLevels } from './serve/serve-config.js';

export interface LineLogOptions {
  readonly format: LogFormat;
  /** The least important lines that are written. */
  readonly level: LogLevel;
  /** Takes a line, with its end. */
  readonly write: (line: string) => void;
  /** Whether the levels of `text` are coloured. @default false */
  readonly isColoured?: boolean;
  /** The time of day, in milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

const colours = { debug: 'gray', info: 'green', warn: 'yellow', error: 'red' } as const;
/** pino's numbers, which readers of such logs know. */
const numbers = { debug: 20, info: 30, warn: 40, error: 50 } as const;

/**
 * A log of one line for each message: for people (`text`: time, level, message), or for programs (`json`: in pino's shape, with
 * all fields).
 */
export class LineLog implements Logger {
  readonly #options: LineLogOptions;
  readonly #least: number;

  constructor(options: LineLogOptions) {
    this.#options = options;
    this.#least = logLevels.indexOf(options.level);
  }

  debug(fields: object, message: string): void {
    this.#log('debug', fields, message);
  }

  info(fields: object, message: string): void {
    this.#log('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.#log('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#log('error', fields, message);
  }

  #log(level: LogLevel, fields: object, message: string): void {
    if (logLevels.indexOf(level) < this.#least) return;
    const { format, write, now = Date.now } = this.#options;
    const atMs = now();
    if (format === 'json') {
      write(`${JSON.stringify({ level: numbers[level], time: atMs, ...fields, msg: message }, plain)}\n`);
    } else {
      write(`${new Date(atMs).toISOString()} ${this.#shown(level)} ${inOneLine(message)}\n`);
    }
  }

  #shown(level: LogLevel): string {
    const word = level.toUpperCase().padEnd(5);
    // Whether its reader takes colours is known: `styleText` would ask stdout.
    return this.#options.isColoured ? styleText(colours[level], word, { validateStream: false }) : word;
  }
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}

/** Texts of libraries may hold line breaks; a line of a log is one message. */
function inOneLine(message: string): string {
  return message.replace(/\s*\r?\n\s*/g, ' ');
}
