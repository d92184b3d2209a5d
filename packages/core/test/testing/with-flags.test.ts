import { afterEach, describe, expect, expectTypeOf, it } from 'vitest'
import { checkGuards, createThroughline, defineCatalog, requireFlag } from '../../src/index.ts'
import type { FlagChoices } from '../../src/testing/index.ts'
import { createTestThroughline, withFlags } from '../../src/testing/index.ts'

const catalog = defineCatalog({
  flags: {
    reports: { rules: [{ if: { 'org.plan': 'enterprise' }, serve: true }], default: false },
    export: { prerequisites: [{ flag: 'reports', is: true }], rules: [{ serve: true }], default: false },
    theme: { variants: { grey: { color: '#888' }, blue: { color: '#00f' } }, default: 'grey' },
    off: { enabled: false, default: false },
  },
})
const ada = { tenant: 'acme', actor: { id: 'ada' } }

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each.close()
})

function throughlineOf() {
  const throughline = createTestThroughline({ catalog, tenants: { load: (id) => ({ id, plan: 'free' }) } })
  open.push(throughline)
  return throughline
}

describe('withFlags', () => {
  it('gives flags their values in whatever the function opens, calls and awaits', async () => {
    const { run, flags } = throughlineOf()
    const found = await withFlags({ reports: true, theme: 'blue' }, () =>
      run(ada, async () => {
        await new Promise((resolve) => setImmediate(resolve))
        return [flags.isEnabled('reports'), flags.value('theme'), flags.evaluate('reports')]
      }),
    )
    expect(found).toEqual([true, { color: '#00f' }, { value: true, variant: 'on', reason: 'STATIC', rule: 'test' }])
  })

  it('leaves nothing behind, in the same context too', async () => {
    const { run, flags } = throughlineOf()
    await run(ada, () => {
      const before = flags.evaluate('reports')
      expect(withFlags({ reports: true }, () => flags.isEnabled('reports'))).toBe(true)
      expect(flags.evaluate('reports')).toBe(before)
      expect(() =>
        withFlags({ reports: true }, () => {
          throw new Error('failed')
        }),
      ).toThrow('failed')
      expect(flags.evaluate('reports')).toBe(before)
    })
  })

  it('is on record as what was served', async () => {
    const { run, flags, audit } = throughlineOf()
    await run(ada, () => withFlags({ reports: true }, () => flags.isEnabled('reports')))
    const { events } = await run(ada, () => audit.list({ action: 'flag.evaluated' }))
    expect(events.map(({ metadata }) => metadata?.rule)).toEqual(['test'])
  })

  it('is seen by guards', async () => {
    const { run } = throughlineOf()
    const guards = [requireFlag('reports')]
    await run(ada, async () => {
      expect(() => checkGuards(guards)).toThrow(expect.objectContaining({ code: 'FLAG_OFF' }))
      await withFlags({ reports: true }, () => checkGuards(guards))
    })
  })

  it('is seen by flags that depend on it', async () => {
    const { run, flags } = throughlineOf()
    await run(ada, () => {
      expect(flags.isEnabled('export')).toBe(false)
      expect(withFlags({ reports: true }, () => flags.isEnabled('export'))).toBe(true)
      expect(flags.isEnabled('export')).toBe(false)
    })
  })

  it('nests: the inner one stands over the outer one, which holds again after it', async () => {
    const { run, flags } = throughlineOf()
    const seen = () => [flags.isEnabled('reports'), flags.evaluate('theme').variant]
    await run(ada, () =>
      withFlags({ reports: true }, () => {
        expect(withFlags({ reports: false, theme: 'blue' }, seen)).toEqual([false, 'blue'])
        expect(withFlags({ theme: 'blue' }, seen)).toEqual([true, 'blue'])
        expect(seen()).toEqual([true, 'grey'])
      }),
    )
  })

  it('does not see what another one that runs beside it says', async () => {
    const { run, flags } = throughlineOf()
    const turns = async (reports: boolean): Promise<boolean[]> => {
      const seen: boolean[] = []
      for (let i = 0; i < 3; i++) {
        await new Promise((resolve) => setImmediate(resolve))
        seen.push(flags.isEnabled('reports'))
      }
      expect(seen).toEqual([reports, reports, reports])
      return seen
    }
    await Promise.all([
      run(ada, () => withFlags({ reports: true }, () => turns(true))),
      run(ada, () => withFlags({ reports: false }, () => turns(false))),
      run(ada, () => turns(false)),
    ])
  })

  it('turns on what is switched off', async () => {
    const { run, flags } = throughlineOf()
    await run(ada, () => expect(withFlags({ off: true }, () => flags.isEnabled('off'))).toBe(true))
  })

  it('holds for an instance of the app too', async () => {
    const throughline = createThroughline({ catalog, tenants: { load: (id) => ({ id }) } })
    open.push(throughline)
    const isEnabled = () => throughline.run(ada, () => throughline.flags.isEnabled('reports'))
    expect(await withFlags({ reports: true }, isEnabled)).toBe(true)
    expect(await isEnabled()).toBe(false)
  })

  it('refuses what is no flag, in words', async () => {
    const { run, flags } = throughlineOf()
    const unknown = expect.objectContaining({ code: 'FLAG_UNKNOWN', sentence: expect.stringContaining('"reports"') })
    await run(ada, () => {
      expect(() => withFlags({ report: true }, () => undefined)).toThrow(unknown)
    })
    await expect(withFlags({ report: true }, () => run(ada, () => flags.isEnabled('off')))).rejects.toThrow(unknown)
  })

  it.each([
    ['reports', 'on', 'takes true or false, not "on"'],
    ['theme', 'green', 'takes the name of one of its variants, not "green"'],
    ['theme', true, 'not true'],
    ['theme', { color: '#00f' }, 'not {"color":"#00f"}'],
    ['reports', null, 'not null'],
    ['toString', true, 'no flag has the key'],
  ])('refuses a value that %s can not have: %j', async (key, value, words) => {
    const { run } = throughlineOf()
    await run(ada, () => {
      expect(() => withFlags({ [key]: value } as never, () => undefined)).toThrow(words)
    })
  })

  it('knows the keys and the values of the catalog', () => {
    type Choices = FlagChoices<typeof catalog>
    expectTypeOf<Choices['reports']>().toEqualTypeOf<boolean | undefined>()
    expectTypeOf<Choices['theme']>().toEqualTypeOf<'grey' | 'blue' | undefined>()
    // @ts-expect-error a typo does not compile
    const typo: Choices = { report: true }
    // @ts-expect-error nor does a variant that is not there
    const variant: Choices = { theme: 'green' }
    expect([typo, variant]).toHaveLength(2)
  })
})
