import { ServingError } from '../core/errors.js';
import type { ConfigTextOptions } from './config-format.js';
import { parseMessage } from './parse-message.js';

/** What TF Serving's `--ssl_config_file` says: PEM texts themselves, not the paths of files with them. */
export interface SslConfig {
  /** The server's private key; empty where the file does not say. */
  readonly serverKey: string;
  /** The server's certificate, with those that lead to its root; empty where the file does not say. */
  readonly serverCert: string;
  /** The roots that clients' certificates are verified against; empty: those of the system. */
  readonly customCa: string;
  /** Whether a client must show a certificate. */
  readonly clientVerify: boolean;
}

/** tensorflow.serving.SSLConfig as protobufjs reads it. */
interface Message {
  readonly server_key?: string;
  readonly server_cert?: string;
  readonly custom_ca?: string;
  readonly client_verify?: boolean;
}

/**
 * Reads the text of a `--ssl_config_file`: an `SSLConfig` in protobuf's text format, or the same as JSON. Whether the texts
 * are keys and certificates is for their user to say.
 *
 * Source: TF Serving, config/ssl_config.proto.
 *
 * @throws ServingError INVALID_ARGUMENT where the text cannot be understood, as `parseModelConfig` does. No
 *   message quotes more of it than a name, since any piece may be one of a private key.
 */
export function parseSslConfig(text: string, options: ConfigTextOptions): SslConfig {
  const message: Message = parse(text, options);
  const { server_key = '', server_cert = '', custom_ca = '', client_verify = false } = message;
  return { serverKey: server_key, serverCert: server_cert, customCa: custom_ca, clientVerify: client_verify };
}

function parse(text: string, options: ConfigTextOptions): Message {
  try {
    return parseMessage('SSLConfig', text, options);
  } catch (error) {
    const { code, message } = ServingError.from(error);
    throw new ServingError(code, withoutQuotes(message)); // and without the cause, which quotes as well
  }
}

/** Names and single characters may be quoted, as in `unknown field 'foo'`; at anything else, the message is cut off. */
function withoutQuotes(message: string): string {
  const [, place = '', what = '', line = ''] =
    /^(Invalid protobuf file: '.*?': )(.*?)( \(line \d+\))?$/s.exec(message) ?? [];
  const quoted = /(['"])(?:[A-Za-z_]{1,40}|.{1,2})\1|(['"[{].*)/gs;
  return place + what.replace(quoted, (all, _mark, secret) => (secret === undefined ? all : '…')) + line;
}
