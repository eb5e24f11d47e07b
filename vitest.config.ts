import { defineConfig } from 'vitest/config';

// Five projects: unit (no cluster), uwsgi (real uWSGI), control-plane (real API server), e2e (real node), kernels (virtual
// machines). A sixth looks at what the whole of e2e left behind: test/rights/.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          // Some files wait for timers: three workers keep two cores busy.
          maxWorkers: 3,
          setupFiles: 'test/support/property-seed.ts',
          include: ['test/**/*.test.ts'],
          exclude: [
            'test/uwsgi/**',
            'test/control-plane/**',
            'test/e2e/**',
            'test/cluster/**',
            'test/rights/whole-run.test.ts',
            'test/kernels/**',
          ],
        },
      },
      {
        test: {
          name: 'uwsgi',
          include: ['test/uwsgi/**/*.test.ts'],
          // For thousands of cases by hand.
          testTimeout: 3_600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'control-plane',
          include: ['test/control-plane/**/*.test.ts'],
          // Tests that run side by side spend their time waiting for a cluster.
          maxConcurrency: 8,
          testTimeout: 120_000,
          hookTimeout: 180_000,
          // Each file has a control plane of its own.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: 'test/e2e/setup.ts',
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'rights',
          // Without the record of a whole run there is nothing to look at.
          include: process.env['RIGHTS_RECORD'] === undefined ? [] : ['test/rights/whole-run.test.ts'],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'kernels',
          include: ['test/kernels/**/*.test.ts'],
          testTimeout: 600_000,
          // The first time a Debian system is built; a virtual machine that hangs is ended before.
          hookTimeout: 3_600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
