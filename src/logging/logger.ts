/** A log of the host's, in pino's shape: fields, then a message. pino's own is one, and so is a Fastify instance's. */
export interface Logger {
  /** What is of interest while something is being looked for. */
  debug(fields: object, message: string): void;
  /** What has happened as it should. */
  info(fields: object, message: string): void;
  /** What is odd, and goes on. */
  warn(fields: object, message: string): void;
  /** What somebody has to do something about. */
  error(fields: object, message: string): void;
}
