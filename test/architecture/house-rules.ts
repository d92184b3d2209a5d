import { posix } from 'node:path'
import type { SourceFile } from './source-file.ts'

interface HouseRule {
  readonly name: string
  breaks(file: SourceFile): boolean
}

const CATCH_ALLS = new Set(['utils', 'util', 'helpers', 'helper', 'types', 'common', 'misc'])

/** What holds for every published source file by itself. */
export const HOUSE_RULES: readonly HouseRule[] = [
  { name: 'no default export', breaks: ({ code }) => /^export\s+default\b|\bas default\b/m.test(code) },
  { name: 'no `export *`', breaks: ({ code }) => /^export\s+(type\s+)?\*/m.test(code) },
  { name: 'no catch-all file or folder', breaks: ({ path }) => catchAll(path) },
  {
    name: 'kebab-case names',
    breaks: ({ path }) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.ts$/.test(posix.basename(path)),
  },
  {
    name: 'the time is injected: no `Date.now()` or `new Date()` but in clock.ts',
    breaks: ({ path, code }) => path !== 'packages/core/src/clock.ts' && /\bDate\.now\b|\bnew Date\(\s*\)/.test(code),
  },
  { name: '`run` only, never `enterWith`', breaks: ({ code }) => /\benterWith\b/.test(code) },
]

/** What breaks a house rule, in sentences. */
export function houseProblems(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    HOUSE_RULES.filter((rule) => rule.breaks(file)).map(({ name }) => `${file.path}: ${name}`),
  )
}

function catchAll(path: string): boolean {
  return path.split('/').some((part) => CATCH_ALLS.has(part.replace(/\..*$/, '')))
}
