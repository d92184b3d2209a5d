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

  it('is said by what explains a flag', async () => {
    const { run, flags } = throughlineOf()
    const { steps } = await run(ada, () => withFlags({ theme: 'blue' }, () => flags.explain('theme')))
    expect(steps).toEqual([{ step: 'test', decided: true, value: { color: '#00f' } }])
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

  it('is over for what was left running when the promise of the function is settled', async () => {
    const { run, flags } = throughlineOf()
    let go: (() => void) | undefined
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const left: Promise<unknown>[] = []
    const leave = (): void => {
      left.push(gate.then(() => [flags.isEnabled('reports'), flags.evaluate('theme').variant]))
    }
    await run(ada, () =>
      withFlags({ theme: 'blue' }, async () => {
        await withFlags({ reports: true }, async () => leave())
        await expect(
          withFlags({ reports: true }, async () => {
            leave()
            throw new Error('failed')
          }),
        ).rejects.toThrow('failed')
        expect(withFlags({ reports: true }, () => flags.isEnabled('reports'))).toBe(true)
        go?.()
        // Of the outer one, which goes on.
        expect(await Promise.all(left)).toEqual([
          [false, 'blue'],
          [false, 'blue'],
        ])
      }),
    )
    await run(ada, async () => {
      let more: Promise<boolean> | undefined
      await withFlags({ theme: 'blue' }, async () => {
        void withFlags({ reports: true }, async () => {
          more = new Promise((resolve) => setImmediate(() => resolve(flags.evaluate('theme').variant === 'blue')))
          await more
        })
      })
      expect(await more).toBe(false)
    })
  })

  it('holds for what begins only when it is awaited', async () => {
    const { run, flags } = throughlineOf()
    const lazy = {
      asked: 0,
      // biome-ignore lint/suspicious/noThenProperty: as a request of supertest has it.
      then<T>(resolve: (found: boolean) => T): Promise<T> {
        this.asked += 1
        return Promise.resolve(flags.isEnabled('reports')).then(resolve)
      },
    }
    await run(ada, async () => {
      expect(await withFlags({ reports: true }, () => lazy)).toBe(true)
      expect(lazy.asked).toBe(1)
      expect(await lazy).toBe(false)
      const twice = () => withFlags({ theme: 'blue' }, () => withFlags({ reports: true }, () => lazy))
      expect([await twice(), await lazy]).toEqual([true, false])
    })
  })

  it('needs every instance that is asked to have the flags', async () => {
    const { run, flags } = throughlineOf()
    const other = createTestThroughline({ flags: { beta: { default: false } }, tenants: { load: (id) => ({ id }) } })
    open.push(other)
    const both = () => [run(ada, () => flags.isEnabled('reports')), other.run(ada, () => other.flags.isEnabled('beta'))]
    const [ours, theirs] = await withFlags({ reports: true }, () => Promise.allSettled(both()))
    expect(ours).toEqual({ status: 'fulfilled', value: true })
    expect(theirs).toMatchObject({ status: 'rejected', reason: { code: 'FLAG_UNKNOWN' } })
    expect(await Promise.all(both())).toEqual([false, false])
  })

  it.each([[new Map([['reports', true]])], [['reports']], [[]], [null], ['reports']])(
    'refuses %j, which gives no flag a value',
    (values) => {
      expect(() => withFlags(values as never, () => undefined)).toThrow('it takes values, as an object, and a function')
    },
  )

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
