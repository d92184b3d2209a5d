import { randomUUID } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join } from 'node:path'
import type { ConsumerProject, Finished } from './consumer-project.ts'
import type { Setup } from './matrix.ts'
import { setupName } from './matrix.ts'
import { babelConfig, compiledInJest, compilerOptions, jestConfig } from './matrix-settings.ts'

/** What the projects are made with, by the name under which it is installed. The rest are peers of ours. */
export const TOOLS: Readonly<Record<string, string>> = {
  '@babel/cli': '^7',
  '@babel/core': '^7',
  '@babel/plugin-proposal-decorators': '^7',
  '@babel/preset-env': '^7',
  '@swc/core': '^1',
  '@swc/jest': '^0.2',
  '@types/node': '^20',
  'better-sqlite3': '^13',
  express: '^5',
  jest: '^30',
  knex: '^3',
  koa: '^3',
  typescript: '^7',
  'typescript-5.4': 'npm:typescript@~5.4',
  vitest: '^4',
}

const BIN = {
  babel: '@babel/cli/bin/babel.js',
  jest: 'jest/bin/jest.js',
  vitest: 'vitest/vitest.mjs',
  'ts-5.4': 'typescript-5.4/bin/tsc',
  'ts-7': 'typescript/bin/tsc',
} as const

/** How many tests `matrix/app-test.mjs` has: a runner that found none says so with success. */
const TESTS = 4

/** What a runner's report says when every test ran and passed. */
export const ALL_PASSED: RegExp = new RegExp(`Tests:?\\s+${TESTS} passed`)

/** A project of the matrix, written out. */
export interface MatrixProject {
  /**
   * Compiles and checks it, on this Node, and gives what was said against it. Nothing is done where the runner compiles
   * and there are no types.
   */
  build(): Promise<readonly string[]>
  /** Runs its test on a Node, given by its file: both streams as one text. */
  test(node: string): Promise<{ readonly code: number; readonly output: string }>
  /** Runs `node` in its folder. */
  run(node: string, args: readonly string[]): Promise<Finished>
}

/** Writes the project of a setup into a folder of its own; its `node_modules` are the install's, above it. */
export async function matrixProject(install: ConsumerProject, setup: Setup): Promise<MatrixProject> {
  const folder = setupName(setup)
  const typed = setup.language !== 'js'
  const [program, test] = await Promise.all([template('app.ts'), template('app-test.mjs')])
  const files = {
    'package.json': { private: true, type: setup.modules === 'esm' ? 'module' : 'commonjs' },
    [typed ? 'src/app.ts' : 'src/app.js']: typed ? program : inModules(setup, stripTypeScriptTypes(program)),
    ...testFile(setup, test),
    ...(typed
      ? { 'tsconfig.json': { compilerOptions: compilerOptions(setup), include: ['src'] } }
      : { 'babel.config.json': babelConfig(setup) }),
    ...(setup.runner === 'jest' && { 'jest.config.cjs': await jestConfig(setup) }),
  }
  for (const [name, content] of Object.entries(files)) {
    const file = join(install.path, folder, name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content, undefined, 2))
  }
  const run = (node: string, args: readonly string[]): Promise<Finished> =>
    install.run(folder, node, args, {
      CONSUMER_SQLITE: join(install.path, folder, `${randomUUID()}.db`),
      // What is read here is text; a colour in the middle of it is not looked for.
      NO_COLOR: '1',
      FORCE_COLOR: '0',
    })
  return {
    run,
    build: async () => {
      const step = buildStep(setup)
      return step ? complaints(await run(process.execPath, step)) : []
    },
    test: async (node) => {
      const { code, stdout, stderr } = await run(node, testStep(setup))
      return { code, output: stdout + stderr }
    },
  }
}

function template(name: string): Promise<string> {
  return readFile(join(import.meta.dirname, 'matrix', name), 'utf8')
}

/** JavaScript as a CommonJS project writes it. */
function inModules({ modules }: Setup, text: string): string {
  if (modules === 'esm') return text
  return text
    .replaceAll(
      /^import (\{[^}]*\}|\w+) from (.*)$/gm,
      (_, names: string, from: string) => `const ${names.replaceAll(' as ', ': ')} = require(${from})`,
    )
    .replaceAll(/^export (\{[^}]*\})$/gm, 'module.exports = $1')
}

function testFile(setup: Setup, test: string): Readonly<Record<string, string>> {
  const extension = setup.language === 'js' ? 'js' : 'ts'
  const app = compiledInJest(setup) ? `./src/app.${extension}` : './dist/app.js'
  const text = inModules(setup, test).replace('./app.ts', app)
  if (setup.modules === 'esm' || setup.runner === 'jest') return { 'app.test.js': text }
  // vitest makes an ES module of every test; only Node's own `require` gives it the app as the app will run.
  const require = "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)\n"
  return { 'app.test.mjs': require + text }
}

function buildStep(setup: Setup): readonly string[] | undefined {
  if (setup.language !== 'js') return [installed(setup.language), '-p', '.', '--pretty', 'false']
  return compiledInJest(setup) ? undefined : [installed('babel'), 'src', '--out-dir', 'dist', '--quiet']
}

/** Our declarations are checked too, and so are those that they name; what is wrong in these is not ours. */
function complaints({ code, stdout, stderr }: Finished): readonly string[] {
  const said = `${stdout}${stderr}`
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('Error: Command failed:'))
  const others = /^(\.\.\/)+([^(]*\/)?node_modules\/(?!@throughline\/)/
  return code !== 0 && said.length === 0 ? [`exit code ${code}`] : said.filter((line) => !others.test(line))
}

function testStep({ modules, runner }: Setup): readonly string[] {
  if (runner === 'vitest') return [installed('vitest'), 'run', '--globals', '--root', '.']
  const flags = modules === 'esm' ? ['--experimental-vm-modules', '--no-warnings'] : []
  return [...flags, installed('jest'), '--no-cache']
}

function installed(name: keyof typeof BIN): string {
  return join('../node_modules', BIN[name])
}
