import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { defineCatalog } from '../../src/catalog/index.ts'
import {
  type ConfigOptions,
  type ConfigScope,
  type ConfigView,
  configView,
  createConfig,
} from '../../src/config/index.ts'
import type { ThroughlineError } from '../../src/errors.ts'
import { encodeBatch, type JournalEvent, type RecordsStore } from '../../src/storage/index.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import type { Json } from '../../src/vocabulary.ts'

const schema = z.object({
  seats: z.number().int().min(1).default(5),
  theme: z.enum(['light', 'dark']).default('light'),
  webhooks: z
    .object({
      url: z.url(),
      retries: z.number().int().default(3),
      headers: z.record(z.string(), z.string()).optional(),
    })
    .partial()
    .default({}),
  smtp: z.object({ host: z.string(), password: z.string() }).optional(),
  note: z.string().nullable().optional(),
  domains: z.array(z.string()).optional(),
})
const catalog = defineCatalog({ config: schema })
type C = typeof catalog

/** A tenant's context over the storage in memory; it sees its own changes, as the real one does. */
class Tenant implements ConfigScope {
  readonly tenant = { id: 'acme' }
  snapshot!: { readonly config: ConfigView }
  readonly events: Omit<JournalEvent, 'notable'>[] = []
  readonly #records: RecordsStore
  readonly #plan: Readonly<Record<string, Json>>
  readonly #schema: ConfigOptions['schema']
  /** Called before each commit: another context gets in between. */
  before: () => Promise<void> = async () => undefined

  constructor(records: RecordsStore, plan: Readonly<Record<string, Json>>, ofSchema: ConfigOptions['schema']) {
    this.#records = records
    this.#plan = plan
    this.#schema = ofSchema
  }

  static async open(
    options: { records?: RecordsStore; plan?: Readonly<Record<string, Json>>; schema?: ConfigOptions['schema'] } = {},
  ) {
    const records = options.records ?? memoryStorage().records
    const scope = new Tenant(records, options.plan ?? {}, options.schema ?? schema)
    await scope.refresh()
    const config = createConfig<C>({
      scope: () => scope,
      schema: options.schema ?? schema,
      commit: (_, change) => scope.commit(change),
      read: (query) => records.read(query),
    })
    return { config, scope, records }
  }

  async refresh(): Promise<void> {
    const { documents } = await this.#records.read({ tenant: 'acme', kinds: ['config'], key: '' })
    this.snapshot = { config: await configView(this.#schema, this.#plan, documents[0]) }
  }

  async commit({ writes, quotas, event }: Parameters<ConfigOptions['commit']>[1]) {
    await this.before()
    const record = { id: 'r', tenant: 'acme', at: 0, actor: { type: 'user', id: 'u' }, events: [event] }
    const body = encodeBatch([JSON.stringify(record)])
    const result = await this.#records.commit({ writer: 'w', lane: 0, writes, quotas, body })
    if (result.status === 'committed') {
      this.events.push(event)
      await this.refresh()
    }
    return result
  }
}

async function issues(call: Promise<unknown>): Promise<unknown> {
  const error = await call.then(
    () => expect.fail('it passed'),
    (found: ThroughlineError) => found,
  )
  expect(error.code).toBe('CONFIG_INVALID')
  return error.details.issues
}

describe('config', () => {
  it('is the default, then the plan’s, then the tenant’s', async () => {
    const { config } = await Tenant.open({ plan: { seats: 20, 'webhooks.retries': 7 } })
    expect(config.get('theme')).toBe('light')
    expect(config.get('seats')).toBe(20)
    await config.set({ seats: 50, 'webhooks.url': 'https://example.com/hook' })
    expect(config.get('seats')).toBe(50)
    expect(config.get('webhooks')).toEqual({ url: 'https://example.com/hook', retries: 7 })
    await config.unset(['seats'])
    expect(config.get('seats')).toBe(20)
    expect(config.all()).toEqual({
      seats: 20,
      theme: 'light',
      webhooks: { url: 'https://example.com/hook', retries: 7 },
    })
  })

  it('is frozen', async () => {
    const { config } = await Tenant.open()
    await config.set({ domains: ['a.example'] })
    expect(Object.isFrozen(config.all()) && Object.isFrozen(config.get('domains'))).toBe(true)
  })

  it('records what was before and after, without secrets', async () => {
    const { config, scope } = await Tenant.open()
    await config.set({ seats: 6, 'smtp.host': 'mail', 'smtp.password': 'hunter2' })
    await config.set({ smtp: { host: 'mail2', password: 'hunter3' } })
    await config.unset(['seats'])
    expect(scope.events).toEqual([
      {
        action: 'config.changed',
        targets: ['seats', 'smtp.host', 'smtp.password'].map((id) => ({ type: 'config', id })),
        metadata: {
          before: { seats: 5, 'smtp.host': null, 'smtp.password': null },
          after: { seats: 6, 'smtp.host': 'mail', 'smtp.password': '[redacted]' },
        },
      },
      {
        action: 'config.changed',
        targets: [{ type: 'config', id: 'smtp' }],
        metadata: {
          before: { smtp: { host: 'mail', password: '[redacted]' } },
          after: { smtp: { host: 'mail2', password: '[redacted]' } },
        },
      },
      {
        action: 'config.changed',
        targets: [{ type: 'config', id: 'seats' }],
        metadata: { before: { seats: 6 }, after: { seats: 5 } },
      },
    ])
    expect(JSON.stringify(scope.events)).not.toContain('hunter')
    expect(config.get('smtp.password')).toBe('hunter3')
  })

  it.each(['passcode', 'db_pwd', 'Cookie', 'apiKey', 'authorization', 'passphrase', 'refreshToken', 'clientSecret'])(
    'takes %s for the name of a secret, in a path and in a value',
    async (name) => {
      const { config, scope } = await Tenant.open()
      await config.set({ 'webhooks.headers': { [name]: 'hunter2' } })
      await config.set({ [`webhooks.headers.${name}`]: 'hunter3' } as object)
      expect(JSON.stringify(scope.events)).not.toContain('hunter')
    },
  )

  it('changes all or nothing, and lists everything that is wrong', async () => {
    const { config, scope } = await Tenant.open()
    expect(await issues(config.set({ seats: 0, theme: 'blue' as 'dark', note: 'kept?' }))).toEqual([
      { path: 'seats', message: expect.stringContaining('>=1') },
      { path: 'theme', message: expect.any(String) },
    ])
    expect(config.get('note')).toBeUndefined()
    expect(scope.events).toEqual([])
  })

  it('refuses paths that no schema knows or that are none', async () => {
    const { config } = await Tenant.open()
    const set = (values: object) => issues(config.set(values))
    expect(await set({ 'webhooks.retrys': 3 })).toEqual([
      { path: 'webhooks.retrys', message: 'is not known to the config schema. Did you mean "retries"?' },
    ])
    expect(await set({ webhooks: { retrys: 3, headers: { anything: 'x' } } })).toEqual([
      { path: 'webhooks.retrys', message: 'is not known to the config schema. Did you mean "retries"?' },
    ])
    expect(await set({ webhooks: { toString: 'x' } })).toMatchObject([{ path: 'webhooks.toString' }])
    for (const path of ['__proto__.x', 'webhooks.constructor', 'a..b', '', Array(11).fill('a').join('.')]) {
      expect(await set(Object.fromEntries([[path, 1]]))).toMatchObject([
        { message: expect.stringContaining('is no path') },
      ])
    }
    expect(() => config.get('__proto__' as 'seats')).toThrow(/CONFIG_INVALID/)
    expect(await issues(config.unset(['prototype.x' as 'seats']))).toHaveLength(1)
    expect(await set({ webhooks: JSON.parse('{ "headers": { "__proto__": "x" } }') })).toHaveLength(1)
    expect(await set({ seats: undefined })).toEqual([{ path: 'seats', message: expect.stringContaining('unset()') }])
    expect(await set({ note: new Date() })).toEqual([
      { path: 'note', message: expect.stringContaining('must be JSON') },
    ])
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })

  it('tells the first 100 members that it does not know, and looks at no others', async () => {
    let looks = 0
    const counted = new Proxy<Record<string, number>>(
      { a: 1 },
      {
        ownKeys(target) {
          looks += 1
          return Reflect.ownKeys(target)
        },
      },
    )
    const schema = z.object({ seats: z.record(z.string(), z.number()).transform(() => counted) })
    const { config } = await Tenant.open({ schema: schema.partial() })
    const long = 'x'.repeat(10_000)
    const seats = { [long]: 1, ...Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`seat-${i}`, i])) }
    const found = await issues(config.set({ seats } as object))
    expect(found).toHaveLength(100)
    expect((found as { path: string }[])[0]?.path).toBe(`seats.${'x'.repeat(100)}`)
    expect(looks).toBeLessThan(1_000)
  })

  it('takes a value that the schema knows and makes nothing of', async () => {
    const emptied = z.object({
      profile: z.object({ nick: z.string().transform((nick) => nick || undefined) }).partial(),
    })
    const { config, scope } = await Tenant.open({ schema: emptied.partial() })
    await config.set({ profile: { nick: '' } } as object)
    await config.set({ 'profile.nick': 'ada' } as object)
    expect(scope.events).toHaveLength(2)
  })

  it('refuses what is no object of values, and no list of paths', async () => {
    const { config, scope } = await Tenant.open()
    for (const body of [undefined, null, 'seats', ['seats'], new Map([['seats', 6]])] as unknown as object[]) {
      expect(await issues(config.set(body))).toEqual([
        { path: '', message: expect.stringMatching(/^The values must be an object, not .+\.$/) },
      ])
    }
    for (const paths of [undefined, null, 'seats', { seats: 6 }] as unknown as 'seats'[][]) {
      expect(await issues(config.unset(paths))).toEqual([
        { path: '', message: expect.stringMatching(/^The paths must be a list, not .+\.$/) },
      ])
    }
    expect(scope.events).toEqual([])
  })

  it('tells what is wrong in sentences, however the schema ends its own', async () => {
    const { config } = await Tenant.open()
    await expect(config.set({ seats: 0, 'webhooks.url': 'none' })).rejects.toThrow(
      /valid\. seats: [^.]*>=1\. webhooks\.url: Invalid URL\. Mend what is listed\.$/,
    )
  })

  it('is bounded', async () => {
    const { config } = await Tenant.open()
    expect(await issues(config.set({ note: 'x'.repeat(70_000) }))).toEqual([
      { path: '', message: expect.stringMatching(/would take \d+ bytes; 65536 are allowed/) },
    ])
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`webhooks.headers.h${i}`, 'x']))
    expect(await issues(config.set(many))).toHaveLength(1)
    await config.set({ note: 'y'.repeat(10_000) })
    expect(config.get('note')).toHaveLength(10_000)
  })

  it('shows long values on the record by their length', async () => {
    const { config, scope } = await Tenant.open()
    await config.set({ note: 'y'.repeat(10_000) })
    expect(scope.events[0]?.metadata?.after).toEqual({ note: '[10002 characters]' })
  })

  it('writes nothing when nothing changes', async () => {
    const { config, scope } = await Tenant.open()
    await config.set({ seats: 6 })
    await config.set({ seats: 6 })
    await config.unset(['theme'])
    expect(scope.events).toHaveLength(1)
  })

  it('sets an object as a whole, and null as a value', async () => {
    const { config } = await Tenant.open({ plan: { 'webhooks.retries': 9 } })
    await config.set({ 'webhooks.url': 'https://a.example', note: null })
    await config.set({ webhooks: { retries: 1 } })
    expect(config.get('webhooks')).toEqual({ retries: 1 })
    expect(config.get('note')).toBeNull()
    await config.unset(['webhooks.retries'])
    expect(config.get('webhooks.retries')).toBe(9)
  })

  it('keeps the changes of two contexts that change at once', async () => {
    const one = await Tenant.open()
    const other = await Tenant.open({ records: one.records })
    await Promise.all([one.config.set({ seats: 6 }), other.config.set({ theme: 'dark' })])
    await one.scope.refresh()
    expect(one.config.all()).toMatchObject({ seats: 6, theme: 'dark' })
  })

  it('sets what its snapshot has already, where another context has changed it since', async () => {
    const one = await Tenant.open()
    await one.config.set({ theme: 'dark', seats: 6 })
    const other = await Tenant.open({ records: one.records })
    await other.config.set({ theme: 'light' })
    await other.config.unset(['seats'])
    await one.config.set({ theme: 'dark' })
    await one.scope.refresh()
    expect(one.config.get('theme')).toBe('dark')
    await other.config.unset(['seats'])
    await one.scope.refresh()
    expect(one.config.get('seats')).toBe(5)
    expect(one.scope.events).toHaveLength(2)
  })

  it('leaves no event where nothing changes', async () => {
    const { config, scope } = await Tenant.open()
    await config.set({ theme: 'dark' })
    await config.set({ theme: 'dark' })
    await config.unset(['seats'])
    expect(scope.events).toHaveLength(1)
  })

  it('gives up after three more attempts', async () => {
    const one = await Tenant.open()
    const other = await Tenant.open({ records: one.records })
    let seats = 10
    one.scope.before = async () => {
      seats += 1
      await other.config.set({ seats })
    }
    await expect(one.config.set({ theme: 'dark' })).rejects.toThrow(/CONFIG_CONFLICT/)
    expect(seats).toBe(14)
    expect(one.scope.events).toEqual([])
  })

  it('takes a schema that answers later', async () => {
    const later = schema.refine(async ({ seats }) => seats !== 13, { path: ['seats'], message: 'unlucky' })
    const { config } = await Tenant.open({ schema: later })
    expect(config.get('seats')).toBe(5)
    await config.set({ seats: 12 })
    expect(config.get('seats')).toBe(12)
    expect(await issues(config.set({ seats: 13 }))).toEqual([{ path: 'seats', message: 'unlucky' }])
  })

  it('gives back what was set, in any order of changes', async () => {
    const edit = fc.oneof(
      fc.record({ seats: fc.integer({ min: 1, max: 100 }) }),
      fc.record({ theme: fc.constantFrom('light' as const, 'dark' as const) }),
      fc.record({ 'webhooks.retries': fc.integer({ min: 0, max: 9 }) }),
      fc.record({ 'smtp.host': fc.string(), 'smtp.password': fc.string() }),
      fc.constantFrom('seats' as const, 'theme' as const, 'webhooks.retries' as const, 'smtp' as const),
    )
    const defaults = { seats: 5, theme: 'light', 'webhooks.retries': undefined, 'smtp.host': undefined }
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { maxLength: 12 }), async (edits) => {
        const { config, scope } = await Tenant.open()
        const model: Record<string, unknown> = { ...defaults }
        for (const one of edits) {
          if (typeof one !== 'string') {
            await config.set(one)
            Object.assign(model, one)
          } else {
            await config.unset([one])
            model[one === 'smtp' ? 'smtp.host' : one] = defaults[one === 'smtp' ? 'smtp.host' : one]
          }
        }
        for (const path of Object.keys(defaults) as (keyof typeof defaults)[])
          expect(config.get(path)).toEqual(model[path])
        expect(scope.snapshot.config.refused).toEqual([])
      }),
      { numRuns: 100 },
    )
  })

  it('is typed by the catalog', async () => {
    const { config } = await Tenant.open()
    expectTypeOf(config.get('seats')).toEqualTypeOf<number>()
    expectTypeOf(config.get('webhooks.url')).toEqualTypeOf<string | undefined>()
    // @ts-expect-error a typo does not compile
    expect(config.get('seat')).toBeUndefined()
    // @ts-expect-error neither does a wrong value
    await expect(config.set({ seats: 'many' })).rejects.toThrow(/CONFIG_INVALID/)
  })
})

/** A schema that stops at the first thing that is wrong. */
function onlyTheFirst(value: object, context: z.RefinementCtx): void {
  const first = ['tags', 'sizes'].find((name) => name in value && value[name as keyof typeof value] !== undefined)
  if (first) context.addIssue({ code: 'custom', message: 'gone', path: [first, 'deeper'] })
}

describe('configView', () => {
  it('leaves out what a newer schema refuses, and names it', async () => {
    const value = { seats: 'many', theme: 'dark', gone: 1 }
    const view = await configView(schema, { seats: 20 }, { value, version: 3 })
    expect(view).toMatchObject({ values: { seats: 20, theme: 'dark' }, refused: ['seats'], version: 3 })
  })

  const any = z.unknown().optional()
  const rest = { theme: any, hook: any, sizes: any, tags: any }
  const inner = (schema: z.ZodType) => z.object({ all: schema })

  it.each([
    ['an element', z.object({ ...rest, tags: z.array(z.string().min(3)).optional() }), ['all.tags']],
    ['a member that is missing', z.object({ ...rest, hook: z.object({ url: z.string() }).optional() }), ['all.hook']],
    ['a member with dots', z.object({ ...rest, sizes: z.record(z.string(), z.null()).optional() }), ['all.sizes']],
    ['one thing at a time', z.object(rest).superRefine(onlyTheFirst), ['all.tags', 'all.sizes']],
  ])('keeps the rest where the schema refuses %s', async (_, stricter, refused) => {
    const value = { all: { tags: ['ab', 'abc'], hook: { secret: 's' }, sizes: { 'a.b': 1 }, theme: 'dark' } }
    const view = await configView(inner(stricter), undefined, { value, version: 1 })
    expect(view).toMatchObject({ refused, values: { all: { theme: 'dark' } } })
  })

  it('keeps what the schema takes where it does not say what it refuses', async () => {
    const strict = z.strictObject({ theme: z.string().optional(), seats: z.number().optional() })
    const value = { theme: 'dark', gone: 1, seats: 3 }
    const view = await configView(strict, undefined, { value, version: 1 })
    expect(view).toMatchObject({ refused: ['gone'], values: { theme: 'dark', seats: 3 } })
  })

  it('does not look for ever', async () => {
    const names = Array.from({ length: 5_000 }, (_, i) => [`name-${i}`, i] as const)
    let looks = 0
    const few = z.record(z.string(), z.number()).refine((all) => ++looks > 0 && Object.keys(all).length < 10)
    const view = await configView(few, undefined, { value: Object.fromEntries(names), version: 1 })
    expect(Object.keys(view.values as object)).toHaveLength(9)
    expect(view.refused).toHaveLength(4_991)
    expect(looks).toBeLessThan(600)
  })

  it('does not look for each of many values that the schema names one by one', async () => {
    let looks = 0
    const all = z.record(z.string(), z.number()).superRefine((values, context) => {
      looks += 1
      const [name] = Object.keys(values)
      if (name !== undefined) context.addIssue({ code: 'custom', message: 'gone', path: [name] })
    })
    const own = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`name-${i}`, i]))
    const schema = z.object({ all: all.optional(), theme: z.string().default('light') })
    const view = await configView(schema, undefined, { value: { all: own, theme: 'dark' }, version: 1 })
    expect(view.values).toEqual({ theme: 'dark' })
    expect(view.refused.at(-1)).toBe('all')
    expect(looks).toBeLessThan(20)
  })

  it('names all that counts for nothing, also where the plan is refused as well', async () => {
    const schema = z.object({ seats: z.number().optional(), theme: z.literal('dark').default('dark') })
    const value = { seats: 'many', note: 'x' }
    const view = await configView(schema, { theme: 'blue' }, { value, version: 1 })
    expect(view).toMatchObject({ values: { theme: 'dark' }, refused: ['seats', 'note'] })
  })

  it('falls back to the plan, then to the defaults', async () => {
    const whole = z.object({ a: z.string().default('x') }).refine(({ a }) => a !== 'bad')
    expect(await configView(whole, { a: 'plan' }, { value: { a: 'bad' }, version: 1 })).toMatchObject({
      values: { a: 'plan' },
      refused: ['a'],
    })
    expect((await configView(whole, { a: 'bad' }, undefined)).values).toEqual({ a: 'x' })
  })

  it('takes no notice of a document that is none', async () => {
    for (const value of [null, 1, 'x', []]) {
      expect(await configView(schema, undefined, { value, version: 1 })).toMatchObject({ values: { seats: 5 } })
    }
  })
})
