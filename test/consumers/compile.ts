import type { ConsumerProject, Finished } from './consumer-project.ts'

export interface ModuleSettings {
  readonly module: string
  readonly moduleResolution: string
}

export const NODENEXT: ModuleSettings = { module: 'nodenext', moduleResolution: 'nodenext' }

/** Compiles files of the project's folder with the TypeScript that it installed, strictly; writes nothing. */
export function compile(
  project: ConsumerProject,
  { module, moduleResolution }: ModuleSettings,
  ...args: readonly string[]
): Promise<Finished> {
  const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2023', '--types', 'node']
  const modules = ['--module', module, '--moduleResolution', moduleResolution]
  return project.node('node_modules/typescript/bin/tsc', ...strict, ...modules, '--pretty', 'false', ...args)
}
