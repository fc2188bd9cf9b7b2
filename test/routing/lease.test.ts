import { describe, expect, it } from 'vitest';
import { deferred } from '#dist/core/deferred.js';
import type { Lease } from '#dist/core/servable-directory.js';
import { withLease } from '#dist/routing/lease.js';
import { FakeServable } from '../support/fake-loader.js';

class CountingLease implements Lease {
  readonly servable = new FakeServable({ model: 'digits', version: 1 });
  releases = 0;

  release(): void {
    this.releases++;
  }
}

describe('withLease', () => {
  it('lends until the work is done, and returns what it brought', async () => {
    const lease = new CountingLease();
    const { promise, resolve } = deferred<string>();
    const used = withLease(lease, (servable) => {
      expect(servable).toBe(lease.servable);
      return promise;
    });
    expect(lease.releases).toBe(0);
    resolve('done');
    expect(await used).toBe('done');
    expect(lease.releases).toBe(1);
  });

  it.each<[string, () => Promise<never>]>([
    ['rejects', () => Promise.reject(new Error('no'))],
    [
      'throws at once',
      () => {
        throw new Error('no');
      },
    ],
  ])('gives the lease back when the work %s', async (_how, work) => {
    const lease = new CountingLease();
    await expect(withLease(lease, work)).rejects.toThrow('no');
    expect(lease.releases).toBe(1);
  });
});
