import { describe, expect, it } from 'vitest'
import type { FlagNotice } from '../../src/flags/flag-notices.ts'
import { changedFlags } from '../../src/flags/flag-notices.ts'
import { createThroughline } from '../../src/index.ts'
import { Listeners } from '../../src/listeners.ts'
import type { StoredDocument } from '../../src/storage/records.ts'

const document = (key: string, version: number, kind: StoredDocument['kind'] = 'flags'): StoredDocument => ({
  kind,
  tenant: '$platform',
  key,
  value: {},
  version,
})

describe('changedFlags', () => {
  it('names what is new, gone, or of another version', () => {
    const before = [document('same', 1), document('changed', 1), document('gone', 4)]
    const after = [document('same', 1), document('changed', 2), document('new', 1), document('other', 1, 'config')]
    expect(changedFlags(before, after)).toEqual(['changed', 'gone', 'new'])
  })
})

describe('notices', () => {
  it('reach every listener, whatever another one does, until it has enough', () => {
    const failures: unknown[] = []
    const notices = new Listeners<FlagNotice>((error) => failures.push(error))
    const told: FlagNotice[] = []
    const broken = new Error('broken')
    notices.add(() => {
      throw broken
    })
    const stop = notices.add((notice) => told.push(notice))
    notices.send({ type: 'stale' })
    stop()
    stop()
    notices.send({ type: 'fresh' })
    expect(told).toEqual([{ type: 'stale' }])
    expect(failures).toEqual([broken, broken])
  })
})

describe('flags.watch', () => {
  it('tells what changes at run time, and nothing of single tenants', async () => {
    const throughline = createThroughline({
      flags: { a: { rules: [], default: false }, b: { rules: [], default: false } },
    })
    const told: FlagNotice[] = []
    const stop = throughline.flags.watch((notice) => told.push(notice))
    const operator = { actor: { id: 'op' }, reason: 'test' }
    await throughline.platform.run(operator, async ({ flags }) => {
      await flags.define('a', { rules: [], default: true })
      await flags.override('acme', 'b', true)
      await flags.reset('a')
    })
    expect(told).toEqual([
      { type: 'changed', keys: ['a'] },
      { type: 'changed', keys: ['a'] },
    ])
    stop()
    await throughline.platform.run(operator, ({ flags }) => flags.define('b', { rules: [], default: true }))
    expect(told).toHaveLength(2)
    await throughline.close()
  })
})
