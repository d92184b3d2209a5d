import assert from 'node:assert/strict'
import { encodeBatch } from '../../storage/journal-record.ts'
import { PLATFORM } from '../../vocabulary.ts'
import type { Bench, Cases } from './bench.ts'

/** State changes: all of one with its record, or nothing. */
export const documentCases: Cases = {
  'gives back what was written, of its own tenant and kind only': async (bench) => {
    const value = { text: 'ü\u0000"\'', list: [1, 2.5, null, true], nested: { empty: {} } }
    await bench.commit({
      writes: [
        { kind: 'config', tenant: 'acme', key: '', value },
        { kind: 'members', tenant: 'acme', key: 'ann', value: 'admin' },
        { kind: 'members', tenant: 'acme', key: 'bob', value: false },
        { kind: 'config', tenant: 'globex', key: '', value: 0 },
      ],
    })
    const read = await bench.records.read({ tenant: 'acme', kinds: ['config', 'members', 'flags'] })
    assert.deepEqual(byKey(read.documents), [
      { kind: 'config', tenant: 'acme', key: '', value, version: 1 },
      { kind: 'members', tenant: 'acme', key: 'ann', value: 'admin', version: 1 },
      { kind: 'members', tenant: 'acme', key: 'bob', value: false, version: 1 },
    ])
    const one = await bench.records.read({ tenant: 'acme', kinds: ['members', 'config'], key: 'bob' })
    assert.deepEqual(
      one.documents.map((document) => document.value),
      [false],
    )
    assert.deepEqual(await bench.records.read({ tenant: 'nobody', kinds: ['config'] }), { documents: [], version: 0 })
  },

  'keeps what is stored apart from the caller’s objects': async (bench) => {
    const value = { limit: 1 }
    await bench.commit({ writes: [{ kind: 'config', tenant: 'acme', key: '', value }] })
    value.limit = 2
    const first = await bench.records.read({ tenant: 'acme', kinds: ['config'] })
    assert.deepEqual(first.documents[0]?.value, { limit: 1 })
  },

  'numbers a document’s versions, and starts again once it was removed': async (bench) => {
    const write = (value: string | null) =>
      bench.commit({ writes: [{ kind: 'config', tenant: 'acme', key: 'k', value }] })
    await write('a')
    await write('b')
    assert.equal((await readOne(bench))?.version, 2)
    await write(null)
    assert.equal(await readOne(bench), undefined)
    await write('c')
    assert.equal((await readOne(bench))?.version, 1)
  },

  'writes only over the version that was expected, and nothing else of the change otherwise': async (bench) => {
    await bench.commit({ writes: [{ kind: 'config', tenant: 'acme', key: 'k', value: 1, expect: 0 }] })
    const change = {
      writes: [
        { kind: 'members', tenant: 'acme', key: 'ann', value: 'admin' },
        { kind: 'config', tenant: 'acme', key: 'k', value: 2, expect: 0 },
      ],
      quotas: [{ tenant: 'acme', meter: 'm', period: '2026-11-01', delta: 1, seed: { from: 0, to: 0 } }],
      body: encodeBatch([JSON.stringify(bench.record('acme', [{ action: 'config.changed' }]))]),
    } as const
    assert.deepEqual(await bench.commit(change), { status: 'conflict', write: 1, version: 1 })
    assert.equal((await readOne(bench))?.value, 1)
    assert.deepEqual((await bench.records.read({ tenant: 'acme', kinds: ['members'] })).documents, [])
    assert.deepEqual(await bench.records.versions({ scopes: ['acme'] }), [{ scope: 'acme', version: 1 }])
    assert.equal((await bench.records.backlog()).rows, 0)
    const retried = await bench.commit({ writes: [{ kind: 'config', tenant: 'acme', key: 'k', value: 2, expect: 1 }] })
    assert.equal(retried.status, 'committed')
    assert.deepEqual(
      await bench.commit({ writes: [{ kind: 'config', tenant: 'acme', key: 'new', value: 2, expect: 3 }] }),
      { status: 'conflict', write: 0, version: 0 },
    )
  },

  'lets exactly one of many concurrent writers win': async (bench) => {
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        bench.commit({ writes: [{ kind: 'config', tenant: 'acme', key: 'k', value: i, expect: 0 }] }),
      ),
    )
    assert.equal(results.filter((result) => result.status === 'committed').length, 1)
    assert.equal((await bench.records.read({ tenant: 'acme', kinds: ['config'] })).version, 1)
  },

  'raises the version of every scope that was written, once a change': async (bench) => {
    const write = (tenant: string, key: string) => ({ kind: 'flags', tenant, key, value: true }) as const
    assert.deepEqual(await bench.commit({ writes: [write('acme', 'a'), write('acme', 'b'), write(PLATFORM, 'a')] }), {
      status: 'committed',
      versions: [
        { scope: 'acme', version: 1 },
        { scope: PLATFORM, version: 1 },
      ],
      used: [],
    })
    bench.now += 1_000
    await bench.commit({ writes: [write('acme', 'a')] })
    assert.equal((await bench.records.read({ tenant: 'acme', kinds: ['flags'] })).version, 2)
    assert.deepEqual(await bench.records.versions({ since: bench.now }), [{ scope: 'acme', version: 2 }])
    assert.equal((await bench.records.versions({ since: bench.now - 1_000 })).length, 2)
    assert.deepEqual(await bench.records.versions({ since: bench.now + 1 }), [])
    assert.deepEqual(await bench.records.versions({ scopes: [] }), [])
    assert.deepEqual(await bench.records.versions({ scopes: ['nobody', PLATFORM] }), [{ scope: PLATFORM, version: 1 }])
  },

  'puts the record of a change on the trail, and of a refused one nothing': async (bench) => {
    const body = () =>
      encodeBatch([JSON.stringify(bench.record('acme', [{ action: 'config.changed', notable: true }]))])
    const write = (expect: number) => ({ kind: 'config', tenant: 'acme', key: 'k', value: 1, expect }) as const
    const results = await Promise.all([
      bench.commit({ writes: [write(0)], body: body() }),
      bench.commit({ writes: [write(0)], body: body() }),
      bench.commit({ writes: [write(1)], body: body() }),
    ])
    assert.deepEqual(
      results.map((result) => result.status),
      ['committed', 'conflict', 'committed'],
    )
    await bench.drain()
    assert.equal((await bench.timeline('acme')).length, 2)
    assert.equal((await bench.timeline(PLATFORM)).length, 0)
  },

  'lists a kind across tenants in pages, by tenant and key': async (bench) => {
    const places = [
      ['a', 'x'],
      ['a', 'y'],
      ['b', ''],
      ['ß', '1'],
    ] as const
    await bench.commit({
      writes: [...places].reverse().map(([tenant, key]) => ({ kind: 'members', tenant, key, value: 1 }) as const),
    })
    const found: string[][] = []
    for (let after: { tenant: string; key: string } | undefined; ; ) {
      const page = await bench.records.list({ kind: 'members', limit: 3, ...(after && { after }) })
      assert.ok(page.length <= 3)
      found.push(...page.map(({ tenant, key }) => [tenant, key]))
      after = page.at(-1)
      if (page.length < 3) break
    }
    assert.deepEqual(found, places)
    assert.equal((await bench.records.list({ kind: 'members', tenant: 'a', limit: 10 })).length, 2)
    assert.equal((await bench.records.list({ kind: 'tenants', limit: 10 })).length, 0)
  },
}

async function readOne(bench: Bench) {
  return (await bench.records.read({ tenant: 'acme', kinds: ['config'], key: 'k' })).documents[0]
}

function byKey<T extends { readonly kind: string; readonly key: string }>(documents: readonly T[]): T[] {
  return [...documents].sort((a, b) => (a.kind + a.key < b.kind + b.key ? -1 : 1))
}
