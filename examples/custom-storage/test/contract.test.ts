import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { storageContract } from '@throughline/core/testing'
import { describe, expect, it } from 'vitest'
import { reopenedStorage, scratchStorage } from './reopened-storage.ts'

describe('a storage of one’s own', () => {
  for (const { name, run } of storageContract({ name: 'json-lines', create: async () => scratchStorage() })) {
    it(name, run)
  }

  for (const { name, run } of storageContract({ name: 'opened anew', create: async () => reopenedStorage() })) {
    it(name, run)
  }

  it('has less than 400 lines', () => {
    const root = resolve(import.meta.dirname, '..')
    const lines = globSync('src/**/*.ts', { cwd: root }).map((path) =>
      readFileSync(resolve(root, path), 'utf8').trimEnd().split('\n'),
    )
    expect(lines.length).toBeGreaterThan(1)
    expect(lines.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(400)
  })
})
