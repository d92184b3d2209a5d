import type { SourceFile } from './source-file.ts'
import { importedPath } from './source-file.ts'

/** Folders of core that anyone may import: what the rest is written in. */
const FOUNDATION = new Set(['storage', 'catalog'])

/** Files of core that put modules together. Modules see them as types only, so that no module runs another through them. */
const COMPOSITION = new Set([
  'index.ts',
  'throughline.ts',
  'opened-instance.ts',
  'engines.ts',
  'known-tenants.ts',
  'recording.ts',
  'platform-face.ts',
  'throughline-type.ts',
  'instance.ts',
  'checkpoints.ts',
  'snapshot-flags.ts',
  'snapshots.ts',
  'options.ts',
  'runs.ts',
  'within.ts',
  'worker.ts',
])

/** May import everything: it starts whole instances. */
const UNBOUND = new Set(['testing'])

/**
 * Who may import what else, as `importer > imported`. The engines are not among the importers, and must not be.
 * A guard acts on the open context; the pipeline is the one path of a request, through resolving, context and record.
 */
export const EXCEPTIONS: readonly string[] = [
  'guards > context',
  'http > context',
  'http > instance.ts',
  'http > journal',
  'http > runs.ts',
  'http > resolve',
  'http > tenants',
]

interface Crossing {
  readonly file: string
  readonly edge: string
}

/** Every import by which one module of core reaches into another, or into a file that composes them. */
function crossings(files: readonly SourceFile[]): readonly Crossing[] {
  return files.flatMap((file) => {
    const from = moduleOf(file.path)
    if (from === undefined || UNBOUND.has(from) || COMPOSITION.has(from)) return []
    return file.imports.flatMap(({ specifier, typeOnly }) => {
      const to = moduleOf(importedPath(file, specifier) ?? '')
      if (to === undefined || to === from || FOUNDATION.has(to)) return []
      const isFile = to.endsWith('.ts')
      if (isFile && (typeOnly || !COMPOSITION.has(to))) return []
      return [{ file: file.path, edge: `${from} > ${to}` }]
    })
  })
}

/** What breaks the layers, in sentences. */
export function layerProblems(files: readonly SourceFile[], exceptions: readonly string[] = EXCEPTIONS): string[] {
  return crossings(files)
    .filter(({ edge }) => !exceptions.includes(edge))
    .map(({ file, edge }) => `${file}: ${edge}`)
}

/** Exceptions that no import needs any more. */
export function staleExceptions(files: readonly SourceFile[]): string[] {
  const used = new Set(crossings(files).map(({ edge }) => edge))
  return EXCEPTIONS.filter((edge) => !used.has(edge))
}

/** The folder of core that a path is in, or the name of a file at core's root; undefined outside of core. */
function moduleOf(path: string): string | undefined {
  return /^packages\/core\/src\/([^/]+)/.exec(path)?.[1]
}
