import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real processes: native code and worker threads behave as they do for users.
    pool: 'forks',
    // A small machine has one process by default, and half of its time is waiting.
    maxWorkers: '100%',
    // Node itself loads the built library, so import.meta.url and worker entries are the ones that ship.
    server: { deps: { external: [/\/dist\//, /node_modules/] } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
