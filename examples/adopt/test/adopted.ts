import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const EXAMPLE = join(import.meta.dirname, '..')

/** The steps, in their order: `01-observe`, `02-limits` … */
export const steps: readonly string[] = (await readdir(join(EXAMPLE, 'steps')))
  .map((name) => name.replace(/\.diff$/, ''))
  .sort()

/** The application at every step, each in a folder of its own below `folder`. */
export async function applySteps(folder: string): Promise<void> {
  await mkdir(folder)
  // Compiled together, as the repository is.
  await writeFile(join(folder, 'tsconfig.json'), '{ "extends": "../../../tsconfig.json", "include": ["**/*.ts"] }')
  let before = EXAMPLE
  for (const step of steps) {
    const at = join(folder, step)
    await cp(join(before, 'src'), join(at, 'src'), { recursive: true })
    await applyStep(at, step)
    before = at
  }
}

/** The last step's application, with all steps taken out again, the last one first. */
export async function takeStepsOut(folder: string): Promise<string> {
  const at = join(folder, 'back')
  await cp(join(folder, steps.at(-1) ?? '', 'src'), join(at, 'src'), { recursive: true })
  for (const step of steps.toReversed()) await applyStep(at, step, '--reverse')
  return join(at, 'src')
}

async function applyStep(at: string, step: string, ...options: readonly string[]): Promise<void> {
  // The folder is no part of a repository: or git would look for the paths from its root, and silently find none.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(at), GIT_DIR: undefined, GIT_WORK_TREE: undefined }
  await run('git', ['apply', '--whitespace=nowarn', ...options, pathOf(step)], { cwd: at, env })
}

/** A step's diff. */
export function readStep(step: string): Promise<string> {
  return readFile(pathOf(step), 'utf8')
}

function pathOf(step: string): string {
  return join(EXAMPLE, 'steps', `${step}.diff`)
}

/** Every file of a folder: path → content. */
export async function filesOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  const files = paths.sort().map(async (path) => [path.slice(folder.length), await readFile(path, 'latin1')] as const)
  return new Map(await Promise.all(files))
}

/** What the compiler says of all steps. */
export async function typeErrorsIn(folder: string): Promise<readonly string[]> {
  const compiler = join(EXAMPLE, '../../node_modules/.bin/tsc')
  const { stdout } = await run(compiler, ['-p', folder, '--pretty', 'false'], { cwd: folder }).catch((error) => error)
  // What is wrong with the packages themselves is their own check's to say.
  return String(stdout)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('..'))
}

export async function removeSteps(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
}
