import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'

interface Locked {
  readonly resolved?: string
  readonly link?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const lockfile = join(resolve(import.meta.dirname, '..'), 'package-lock.json')
const { packages } = JSON.parse(readFileSync(lockfile, 'utf8')) as { packages: Readonly<Record<string, Locked>> }
const locked = Object.entries(packages)

// A binary that was not to be had when the file was written is left out without a word, and `npm ci` then refuses it.
it('locks every platform that a package has binaries for', () => {
  const missing = locked.flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`${path}/node_modules/${name}` in packages || `node_modules/${name}` in packages),
    ),
  )
  expect(missing).toEqual([])
})

it('names no registry', () => {
  expect(locked.filter(([, { link, resolved }]) => !link && resolved !== undefined)).toEqual([])
})
