/** A log of the host's, in pino's shape: fields, then a message. pino's own is one, and so is a Fastify instance's. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
