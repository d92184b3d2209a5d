import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const MAX_OUTPUT = 16 * 1_024 * 1_024
/** What a consumer brings besides what our packages ask for. */
const OWN = ['typescript', 'vitest', 'zod', '@types/node']
const PROGRAMS = ['program.ts', 'program.mjs', 'program.cjs', 'sqlite.mjs', 'try-app.mjs']

interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

export interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface ConsumerOptions {
  /** Everything that is installed with the packages, from the registry. Without it nothing is fetched. */
  readonly fetched?: Readonly<Record<string, string>>
}

/** An empty project into which the packages were installed as npm would publish them. */
export interface ConsumerProject {
  readonly path: string
  /** Runs a command in a folder of the project's, with further environment variables. */
  run(
    folder: string,
    command: string,
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<Finished>
  /** Runs a program of the project's folder on this Node. */
  node(...args: readonly string[]): Promise<Finished>
  /** Runs an installed command by its file. */
  command(name: string, ...args: readonly string[]): Promise<Finished>
  /** Runs an installed command as npx finds it. */
  npx(...args: readonly string[]): Promise<Finished>
  write(name: string, text: string): Promise<void>
  remove(): Promise<void>
}

/**
 * Builds and packs the workspace's packages, and installs the tarballs in a new folder together with the programs of
 * this one. What the packages depend on is linked from the workspace, so nothing is fetched unless it is asked for.
 */
export async function consumerProject({ fetched }: ConsumerOptions = {}): Promise<ConsumerProject> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'throughline-consumer-')))
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true })
  try {
    await done(run('npm', ['run', 'build'], root))
    const folders = (await readdir(join(root, 'packages'))).map((name) => join(root, 'packages', name))
    const packing = await done(
      run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', path, ...folders], root),
    )
    const packed: readonly { readonly name: string; readonly filename: string }[] = JSON.parse(packing.stdout)
    const dependencies = {
      ...(fetched ?? (await linked(folders))),
      ...Object.fromEntries(packed.map(({ name, filename }) => [name, `file:${filename}`])),
    }
    const manifest = { name: 'consumer', private: true, type: 'module', dependencies }
    await writeFile(join(path, 'package.json'), JSON.stringify(manifest))
    const online = fetched ? '--prefer-offline' : '--offline'
    await done(run('npm', ['install', online, '--ignore-scripts', '--no-audit', '--no-fund'], path))
    for (const name of PROGRAMS) await copyFile(join(import.meta.dirname, name), join(path, name))
  } catch (error) {
    await remove()
    throw error
  }
  return {
    path,
    remove,
    run: (folder, command, args, env) => run(command, args, join(path, folder), env),
    node: (...args) => run(process.execPath, args, path),
    command: (name, ...args) => run(join(path, 'node_modules/.bin', name), args, path),
    // Never one from elsewhere: `--no` refuses to fetch what is missing.
    npx: (...args) => run('npx', ['--no', '--', ...args], path),
    write: (name, text) => writeFile(join(path, name), text),
  }
}

/** Everything that the packages need from others, as links to where the workspace has it. */
async function linked(folders: readonly string[]): Promise<Record<string, string>> {
  const links: Record<string, string> = {}
  for (const folder of [...folders, root]) {
    const manifest: Manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    const needed = folder === root ? OWN : Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
    for (const name of needed) {
      if (name.startsWith('@throughline/')) continue
      // The package's own comes first: the workspace may have another version for others.
      const own = await realpath(join(folder, 'node_modules', name)).catch(() => undefined)
      const found = own ?? (await realpath(join(root, 'node_modules', name)).catch(() => undefined))
      if (found === undefined) throw new Error(`${manifest.name} needs ${name}, which is not installed`)
      links[name] = `file:${found}`
    }
  }
  return links
}

function run(
  command: string,
  args: readonly string[],
  cwd: string,
  further: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  // Settings of an npm that runs us would name its own folder to the one that we run.
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^npm_|^INIT_CWD$|^NODE_OPTIONS$|^VITEST/i.test(name),
  )
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`
  const env = { ...Object.fromEntries(inherited), PATH, ...further }
  return new Promise((finish) => {
    const child = execFile(command, args, { cwd, env, maxBuffer: MAX_OUTPUT }, (error, stdout, stderr) =>
      finish({ code: child.exitCode ?? 1, stdout, stderr: error && stderr === '' ? String(error) : stderr }),
    )
  })
}

async function done(running: Promise<Finished>): Promise<Finished> {
  const finished = await running
  if (finished.code !== 0) throw new Error(`${finished.stderr}\n${finished.stdout}`)
  return finished
}
