import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createThroughline, tenantKey } from '../../src/index.ts'
import { ada, refusal } from './bench.ts'

const keyOf = async (tenant: string, key: string): Promise<string> => {
  const throughline = createThroughline()
  try {
    return await throughline.run({ tenant, actor: ada }, () => tenantKey(key))
  } finally {
    await throughline.close()
  }
}

describe('tenantKey', () => {
  it('begins with the tenant', async () => {
    expect(await keyOf('acme', 'report:7')).toBe('acme:report:7')
  })

  it('is never the same for two tenants, whatever their ids and keys hold', async () => {
    expect(await keyOf('a:b', 'c')).not.toBe(await keyOf('a', 'b:c'))
    expect(await keyOf('a%3Ab', 'c')).not.toBe(await keyOf('a:b', 'c'))
    const text = fc.string({ unit: fc.constantFrom('a', ':', '%', '3', 'A', '2', '5'), minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(text, text, text, text, async (one, oneKey, other, otherKey) => {
        const same = one === other && oneKey === otherKey
        expect((await keyOf(one, oneKey)) === (await keyOf(other, otherKey))).toBe(same)
      }),
      { numRuns: 200, examples: [['a:', 'b', 'a', ':b']] },
    )
  })

  it('is refused outside of a context', async () => {
    expect((await refusal(() => tenantKey('report:7'))).code).toBe('TENANT_REQUIRED')
  })
})
