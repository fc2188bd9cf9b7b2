import { describe, expect, it } from 'vitest';
import { parseSslConfig } from '#dist/config/ssl-config.js';
import { caught } from '../support/caught.js';

const file = '/etc/ssl.config';
const parse = (text: string) => parseSslConfig(text, { file });
const secret = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj';

describe('an SSL config', () => {
  const whole = {
    serverKey: '-----BEGIN KEY-----\nabc\n',
    serverCert: 'cert\nmore',
    customCa: 'ca',
    clientVerify: true,
  };

  it('is read from text format, with its texts over many lines', () => {
    const text = `
      server_key: '-----BEGIN KEY-----\\n' # as TF Serving's users write it
        'abc\\n'
      server_cert: "cert\\nmore"
      custom_ca: "ca"
      client_verify: true`;
    expect(parse(text)).toEqual(whole);
  });

  it.each([
    JSON.stringify({
      serverKey: whole.serverKey,
      serverCert: 'cert\nmore',
      customCa: 'ca',
      clientVerify: true,
    }),
    JSON.stringify({
      server_key: whole.serverKey,
      server_cert: 'cert\nmore',
      custom_ca: 'ca',
      client_verify: true,
    }),
  ])('is read from JSON: %s', (text) => {
    expect(parse(text)).toEqual(whole);
  });

  it('has empty texts for what it does not say, and verifies no client', () => {
    expect(parse('# nothing')).toEqual({ serverKey: '', serverCert: '', customCa: '', clientVerify: false });
  });

  it.each<[string, string]>([
    ['\nserver_kee: "a"', "tensorflow.serving.SSLConfig: unknown field 'server_kee' (line 2)"],
    ['server_key "a"', "expected ':' (line 1)"],
    ['client_verify: maybe', 'bool value expected (line 1)'],
    ['{"serverKey": "a",\n}', 'Expected double-quoted property name (line 2)'],
    ['{"serverKey": "a"\n"b"', "Expected ',' or '}' after property value (line 2)"],
    ['{"serverKee": 1}', 'tensorflow.serving.SSLConfig: unknown field: "serverKee"'],
  ])('says what is wrong with %j, and where', (text, what) => {
    const { code, message } = caught(() => parse(text));
    expect({ code, message }).toEqual({
      code: 'INVALID_ARGUMENT',
      message: `Invalid protobuf file: '${file}': ${what}`,
    });
  });

  it.each([
    secret,
    `server_key: ${secret}`,
    `server_key: "a" ${secret}: 1`,
    `server_key: "a\n${secret}"`,
    `[${secret}]: 1`,
    `client_verify: "${secret}"`,
    `-----BEGIN PRIVATE KEY-----\n${secret}`,
    `{"serverKey": ["${secret}"]}`,
    `{"clientVerify": {"a": "${secret}"}}`,
    `{"${secret}": 1}`,
    `{"serverKey": ${secret}}`,
    `{"serverKey": "a\n${secret}"}`,
  ])('quotes no piece of a key that stands in the wrong place: %j', (text) => {
    const error = caught(() => parse(text));
    expect(error.message).toContain(file);
    const said = `${error.message} ${error.stack} ${JSON.stringify(error)}`;
    for (let start = 0; start + 6 <= secret.length; start++)
      expect(said).not.toContain(secret.slice(start, start + 6));
    expect(error.cause).toBeUndefined();
  });
});
