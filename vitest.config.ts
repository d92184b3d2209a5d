import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const conditions = ['source', 'node']

/** Files that put modules of their own in the place of ours: nobody else must see them. */
const MOCKING = ['test/postgres-release.test.ts']

/** Workspaces run from `src` through the `source` export condition; nothing has to be built to test. */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    // Many files wait for processes and databases of their own: one worker would leave a second core idle.
    maxWorkers: 2,
    env: {
      // Processes that tests start find the sources compiled.
      NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/node-compile', import.meta.url)),
      // Of tables that it never analyzed Postgres expects much, and compiles for half a second what runs for one ms.
      PGOPTIONS: process.env.PGOPTIONS ?? '-c jit=off',
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts', 'examples/*/test/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/*.long.test.ts', ...MOCKING],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // What a file loads is there for the next one: loading it anew for each took a third of the time.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'unit-mocking',
          include: MOCKING,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'long',
          include: ['packages/*/test/**/*.long.test.ts', 'test/**/*.long.test.ts', 'examples/*/test/**/*.long.test.ts'],
          exclude: ['**/node_modules/**'],
          testTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
