import { codeBlocks, readPage } from '../markdown.ts'
import type { Setup } from './matrix.ts'

type Settings = Readonly<Record<string, unknown>>

/**
 * Who compiles the program. vitest 4 knows no decorators of TC39's, so it tests what was built; Babel builds, or compiles
 * in Jest, whatever is JavaScript. TypeScript 5.4 emits no `require` under `bundler`: it checks, and swc compiles in Jest.
 */
export function compiledInJest({ language, modules, runner, resolution }: Setup): boolean {
  if (runner === 'vitest') return false
  return language === 'js' || (language === 'ts-5.4' && modules === 'cjs' && resolution === 'bundler')
}

export function compilerOptions(setup: Setup): Settings {
  // Not skipLibCheck: the setup's compiler has to understand our declarations, and those that they name.
  return {
    module: moduleKind(setup),
    moduleResolution: setup.resolution,
    target: 'es2022',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    esModuleInterop: true,
    ...(setup.decorators === 'legacy' && { experimentalDecorators: true }),
    ...(compiledInJest(setup) ? { noEmit: true } : { rootDir: 'src', outDir: 'dist' }),
  }
}

function moduleKind({ language, modules, resolution }: Setup): string {
  // TypeScript lets CommonJS require an ES module under nodenext alone, from 5.8 on.
  if (resolution === 'node16') return language === 'ts-5.4' ? 'node16' : 'nodenext'
  return modules === 'cjs' && language === 'ts-7' ? 'commonjs' : 'esnext'
}

export function babelConfig({ decorators }: Setup): Settings {
  return {
    // `auto` is CommonJS for Jest where it asks for that, and otherwise the modules as they are written.
    presets: [['@babel/preset-env', { targets: { node: '20.19' }, modules: 'auto' }]],
    plugins: [['@babel/plugin-proposal-decorators', { version: decorators === 'tc39' ? '2023-11' : 'legacy' }]],
  }
}

/** A `jest.config.cjs`; for CommonJS it is the one of the documentation, with another compiler for what is TypeScript. */
export async function jestConfig(setup: Setup): Promise<string> {
  const own = { '\\.[jt]sx?$': setup.language === 'js' ? 'babel-jest' : ['@swc/jest', swcOptions(setup)] }
  if (setup.modules === 'esm') return `module.exports = { transform: ${JSON.stringify(own)} }\n`
  return `${await documentedJestConfig()}\nObject.assign(module.exports.transform, ${JSON.stringify(own)})\n`
}

/** The settings that `docs/11-testing.md` gives for Jest and CommonJS. */
async function documentedJestConfig(): Promise<string> {
  const blocks = codeBlocks(await readPage('docs/11-testing.md'))
  const block = blocks.find(({ code }) => code.startsWith('// jest.config.cjs'))
  if (!block) throw new Error('docs/11-testing.md has no jest.config.cjs')
  return block.code
}

function swcOptions({ modules, decorators }: Setup): Settings {
  const dialect = decorators === 'legacy' ? { legacyDecorator: true } : { decoratorVersion: '2023-11' }
  return {
    jsc: { parser: { syntax: 'typescript', decorators: true }, transform: dialect, target: 'es2022' },
    module: { type: modules === 'cjs' ? 'commonjs' : 'es6' },
  }
}
