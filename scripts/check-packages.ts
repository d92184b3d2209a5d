import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

// Judges every package as npm would publish it: packs it, then looks at nothing but the tarball.
// `node scripts/check-packages.ts [folder of packages]`; prints one line a package and exits with 1 if one is not fit.

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '..')
const MAX_OUTPUT = 64 * 1_024 * 1_024

interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports?: unknown
  readonly bin?: unknown
}

interface Packed {
  readonly filename: string
  readonly size: number
  readonly files: readonly { readonly path: string }[]
}

/** Every relative path that an `exports` or `bin` field leads to, whatever the conditions. */
function targets(field: unknown): string[] {
  if (typeof field === 'string') return [field.replace(/^\.\//, '')]
  return typeof field === 'object' && field !== null ? Object.values(field).flatMap(targets) : []
}

async function pack(folder: string, destination: string): Promise<Packed> {
  const arguments_ = ['pack', '--json', '--ignore-scripts', '--pack-destination', destination]
  const { stdout } = await run('npm', arguments_, { cwd: folder, maxBuffer: MAX_OUTPUT })
  const [packed] = JSON.parse(stdout) as Packed[]
  if (!packed) throw new Error(`npm pack said nothing about ${folder}`)
  return packed
}

/** What is missing from the tarball, and what has no business in it. */
function contentProblems(manifest: Manifest, packed: Packed): string[] {
  const paths = new Set(packed.files.map(({ path }) => path))
  const required = new Set(['LICENSE', 'README.md', ...targets(manifest.exports), ...targets(manifest.bin)])
  const missing = [...required].filter((path) => !paths.has(path))
  const stray = [...paths].filter((path) =>
    /(^|\/)tests?\/|\.(test|bench)\.|\.tsbuildinfo$|(^|\/)node_modules\//.test(path),
  )
  const unbuilt = missing.some((path) => path.startsWith('dist/')) ? ['not built: run `npm run build` first'] : []
  return [
    ...unbuilt,
    ...missing.map((path) => `missing: ${path}`),
    ...stray.map((path) => `not to be published: ${path}`),
  ]
}

async function licenseProblems(folder: string): Promise<string[]> {
  const [ours, theirs] = await Promise.all([
    readFile(join(root, 'LICENSE'), 'utf8'),
    readFile(join(folder, 'LICENSE'), 'utf8').catch(() => ''),
  ])
  return ours === theirs ? [] : ['LICENSE is not the one of the repository']
}

async function publintProblems(tarball: string): Promise<string[]> {
  const { buffer, byteOffset, byteLength } = await readFile(tarball)
  const bytes = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer
  const { messages, pkg } = await publint({ strict: true, pack: { tarball: bytes } })
  return messages.map((message) => `publint: ${formatMessage(message, pkg, { color: false }) ?? message.code}`)
}

/** Problems of the declarations, as an importing ES module sees them; a package that only brings a command has none. */
async function typeProblems(manifest: Manifest, tarball: string): Promise<string[]> {
  if (!targets(manifest.exports).some((path) => path !== 'package.json')) return []
  const attw = join(root, 'node_modules/.bin/attw')
  const settings = ['--profile', 'esm-only', '--no-definitely-typed', '--format', 'ascii', '--no-emoji', '--no-color']
  try {
    await run(attw, [tarball, ...settings], { cwd: root, maxBuffer: MAX_OUTPUT })
    return []
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    const report = `${stdout}${stderr}`.trim().split('\n')
    return [`attw: ${report[0] || String(error)}`, ...report.slice(1)].filter((line) => line.trim() !== '')
  }
}

async function check(folder: string, scratch: string): Promise<boolean> {
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest
  const packed = await pack(folder, scratch)
  const tarball = join(scratch, packed.filename)
  const problems = [...contentProblems(manifest, packed), ...(await licenseProblems(folder))]
  // What is not there would only be reported twice by the other two.
  if (problems.length === 0) {
    problems.push(...(await publintProblems(tarball)), ...(await typeProblems(manifest, tarball)))
  }
  const verdict = problems.length === 0 ? 'ok  ' : 'FAIL'
  const size = `${packed.files.length} files, ${Math.ceil(packed.size / 1_000)} kB`
  console.log(`${verdict} ${manifest.name} ${manifest.version}: ${size}`)
  for (const problem of problems) console.log(`     ${problem}`)
  return problems.length === 0
}

const packages = resolve(process.argv[2] ?? join(root, 'packages'))
const scratch = await mkdtemp(join(tmpdir(), 'throughline-pack-'))
try {
  const folders = (await readdir(packages, { withFileTypes: true })).filter((entry) => entry.isDirectory())
  if (folders.length === 0) throw new Error(`there is no package in ${packages}`)
  let fit = true
  for (const { name } of folders.sort((a, b) => a.name.localeCompare(b.name))) {
    fit = (await check(join(packages, name), scratch)) && fit
  }
  if (!fit) process.exitCode = 1
} finally {
  await rm(scratch, { recursive: true, force: true })
}
