import type { SourceFile } from './source-file.ts'
import { importedPackage } from './source-file.ts'

/** The part of a package.json that says what is needed. */
export interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

/** What a package imports and does not declare, or declares and does not import; `all` are the workspace's packages. */
export function dependencyProblems(
  manifest: Manifest,
  files: readonly SourceFile[],
  all: readonly Manifest[],
): string[] {
  const declared = new Set([
    ...Object.keys(manifest.dependencies ?? {}),
    ...Object.keys(manifest.peerDependencies ?? {}),
  ])
  const imported = new Set(
    files.flatMap((file) => file.imports.flatMap(({ specifier }) => importedPackage(specifier) ?? [])),
  )
  imported.delete(manifest.name)
  // A package that brings another must bring its peers too, imported or not.
  const inherited = all.filter(({ name }) => declared.has(name)).flatMap((it) => Object.keys(it.peerDependencies ?? {}))
  // What the app may hand in: it says which versions will do, and nothing of it is imported.
  const injected = (name: string) => manifest.peerDependenciesMeta?.[name]?.optional === true
  const needed = (name: string) =>
    imported.has(name) || injected(name) || inherited.includes(name) || imported.has(name.replace(/^@types\//, ''))
  return [
    ...[...imported].filter((name) => !declared.has(name)).map((name) => `${manifest.name} imports ${name} undeclared`),
    ...[...declared].filter((name) => !needed(name)).map((name) => `${manifest.name} declares ${name} in vain`),
  ]
}
