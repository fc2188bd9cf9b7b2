import { ServingError, type StatusCode } from 'servable';
import { describe, expect, it } from 'vitest';
import { codeNumbers, codeOf, grpcStatusOf } from '#dist/transport/status.js';
import { grpc } from '../support/grpc.js';

describe('a status', () => {
  it('has the number that gRPC gives its code', () => {
    const theirs = Object.entries(grpc.status).filter(([, number]) => typeof number === 'number');
    expect(Object.entries(codeNumbers).sort()).toEqual(theirs.sort());
    for (const [code, number] of theirs) {
      expect(codeOf(number as number)).toBe(code);
      if (code === 'OK') continue;
      expect(grpcStatusOf(new ServingError(code as StatusCode, 'why'))).toEqual({
        code: number,
        details: 'why',
      });
    }
  });

  it('of a number that gRPC does not have is UNKNOWN', () => {
    expect(codeOf(17)).toBe('UNKNOWN');
  });

  it('is INTERNAL for what is no ServingError, and says no more than its message', () => {
    expect(grpcStatusOf(new Error('why', { cause: 'secret' }))).toEqual({ code: 13, details: 'why' });
    expect(grpcStatusOf('thrown')).toEqual({ code: 13, details: 'thrown' });
  });

  it.each<[string, string, string]>([
    ['up to 1024 bytes stays', 'a'.repeat(1024), 'a'.repeat(1024)],
    ['of one more is cut', 'a'.repeat(1025), `${'a'.repeat(1024)}...TRUNCATED`],
    ['is cut between characters', `a${'é'.repeat(600)}`, `a${'é'.repeat(511)}...TRUNCATED`],
    ['is cut between characters of four bytes', `ab${'😀'.repeat(300)}`, `ab${'😀'.repeat(255)}...TRUNCATED`],
    ['with half a character has a mark in its place: it has no bytes', 'no \ud83d', 'no \ufffd'],
  ])('whose message %s', (_what, message, details) => {
    expect(grpcStatusOf(new ServingError('NOT_FOUND', message)).details).toBe(details);
    expect(() => encodeURI(details)).not.toThrow(); // as grpc-js does with it
  });
});
