import { globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

/** One import, re-export or dynamic import of a file. */
export interface Import {
  /** As written: `../errors.ts`, `node:fs`, `@throughline/core/http`. */
  readonly specifier: string
  /** Erased by the compiler: nothing of it is there at run time. */
  readonly typeOnly: boolean
}

/** A source file as the rules see it. */
export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string
  /** Without comments, which may name what the code may not. */
  readonly code: string
  readonly lines: number
  readonly imports: readonly Import[]
}

const COMMENTS = /(^|\s)(?:\/\*[\s\S]*?\*\/|\/\/[^\n]*)/g
const STATEMENT = /^(?:import|export)\s+(type\s+)?(?:[\w*\s,{}]*?\sfrom\s+)?'([^'\n]+)'/gm
const DYNAMIC = /\bimport\(\s*'([^'\n]+)'|\bnew URL\(\s*'(\.[^'\n]+)',\s*import\.meta\.url/g

/** Reads one source. Formatted code only: one quote style, statements at the start of a line. */
export function sourceFile(path: string, text: string): SourceFile {
  const code = text.replace(COMMENTS, '$1')
  const fixed = [...code.matchAll(STATEMENT)].map(([, type, specifier = '']) => ({ specifier, typeOnly: !!type }))
  const dynamic = [...code.matchAll(DYNAMIC)].map(([, imported, url]) => ({
    specifier: imported ?? url ?? '',
    typeOnly: false,
  }))
  return { path, code, lines: text.trimEnd().split('\n').length, imports: [...fixed, ...dynamic] }
}

/** All sources under `root` that a glob names, but what was built or installed. */
export function readSources(root: string, glob: string): readonly SourceFile[] {
  return globSync(glob, { cwd: root, exclude: (name) => /(^|\/)(node_modules|dist)(\/|$)/.test(name) })
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
    .map((path) => sourceFile(path, readFileSync(join(root, path), 'utf8')))
}

/** The path that a relative import leads to, from the root of the repository; undefined for a package. */
export function importedPath(file: SourceFile, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier) : undefined
}

/** The package that an import names; undefined for files and for Node's own modules. */
export function importedPackage(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined
  return /^(@[^/]+\/[^/]+|[^/]+)/.exec(specifier)?.[0]
}
