import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventTemplate } from '../../src/event.ts'
import type { AddOptions } from '../../src/journal/index.ts'
import { Activity } from '../../src/journal/index.ts'
import type { JournalRecord } from '../../src/storage/index.ts'
import type { Actor } from '../../src/vocabulary.ts'

/** Takes lines as the journal does. */
class Sink {
  time = 1_700_000_000_000
  readonly records: JournalRecord[] = []
  readonly options: (AddOptions | undefined)[] = []
  /** What the next adds answer; resolved unless said. */
  answers: Promise<void>[] = []

  now(): number {
    return this.time
  }

  closed(): void {}

  add(tenant: string, line: string, options?: AddOptions): Promise<void> {
    const record: JournalRecord = JSON.parse(line)
    expect(record.tenant).toBe(tenant)
    this.records.push(record)
    this.options.push(options)
    return this.answers.shift() ?? Promise.resolve()
  }
}

function activity(sink: Sink = new Sink()): { sink: Sink; open: Activity } {
  const open = new Activity(sink)
  open.tenant = 'acme'
  open.actor = { id: 'ada', type: 'user' }
  return { sink, open }
}

const passed = eventTemplate({ action: 'limit.passed', targets: [{ type: 'limit', id: 'api' }] })

describe('what a context leaves', () => {
  it('is one record, with routine events counted', async () => {
    const { sink, open } = activity()
    for (let i = 0; i < 1_000; i++) open.fold(passed)
    open.recordUsage({ meter: 'reports', quantity: 2 })
    open.recordUsage({ meter: 'reports', quantity: 2 })
    await open.settle('run.completed', 'success')
    expect(sink.records).toHaveLength(1)
    expect(sink.records[0]?.events).toEqual([
      { action: 'run.completed' },
      { action: 'limit.passed', targets: [{ type: 'limit', id: 'api' }], count: 1_000 },
      {
        action: 'usage.recorded',
        targets: [{ type: 'meter', id: 'reports' }],
        metadata: { quantity: 2 },
        count: 2,
      },
    ])
  })

  it('says when usage of a later hour was, and counts that of its own hour', () => {
    const { sink, open } = activity()
    const usage = { meter: 'reports', quantity: 1 }
    const event = { action: 'usage.recorded', targets: [{ type: 'meter', id: 'reports' }], metadata: { quantity: 1 } }
    open.recordUsage(usage)
    sink.time += 10
    open.recordUsage(usage)
    sink.time += 3_600_000
    open.recordUsage(usage)
    void open.settlePart()
    expect(sink.records[0]?.events).toEqual([
      { ...event, after: 3_600_010 },
      { ...event, count: 2 },
    ])
  })

  it('goes on in further parts where there are too many events, and drops none', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1_500 }), async (events) => {
        const { sink, open } = activity()
        for (let i = 0; i < events; i++) open.note({ action: `test.${i}`, notable: true })
        await open.settle('run.completed', 'success')
        const all = sink.records.flatMap((record) => record.events)
        expect(all.filter(({ action }) => action.startsWith('test.')).map(({ action }) => action)).toEqual(
          Array.from({ length: events }, (_, i) => `test.${i}`),
        )
        for (const record of sink.records) expect(record.events.length).toBeLessThanOrEqual(201)
        expect(sink.records[0]?.id).toBe(open.id)
        expect(new Set(sink.records.map(({ id }) => id)).size).toBe(sink.records.length)
        sink.records.slice(1).forEach((record, i) => {
          expect(record).toMatchObject({ part: i + 2, of: open.id })
        })
      }),
      { numRuns: 30 },
    )
  })

  it('is as many parts as hold what was met, however often it was met in turn', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 900 }), fc.integer({ min: 1, max: 4 }), async (kinds, rounds) => {
        const { sink, open } = activity()
        const templates = Array.from({ length: kinds }, (_, i) => eventTemplate({ action: `flag.${i}` }))
        for (let round = 0; round < rounds; round++) for (const template of templates) open.fold(template)
        await open.settle('run.completed', 'success')
        expect(sink.records).toHaveLength(Math.ceil(kinds / 200))
        for (const record of sink.records) expect(record.events.length).toBeLessThanOrEqual(201)
        expect(sink.records.at(-1)?.events[0]).toEqual({ action: 'run.completed' })
        const counted = sink.records.flatMap(({ events }) => events.filter(({ action }) => action.startsWith('flag.')))
        expect(counted).toEqual(
          templates.map((_, i) => ({ action: `flag.${i}`, ...(rounds > 1 && { count: rounds }) })),
        )
      }),
      { numRuns: 30 },
    )
  })

  it('counts what it has met also where a part of notable events began meanwhile', async () => {
    const { sink, open } = activity()
    const templates = Array.from({ length: 250 }, (_, i) => eventTemplate({ action: `flag.${i}` }))
    for (let row = 0; row < 410; row++) {
      for (const template of templates) open.fold(template)
      open.note({ action: 'test.row' })
    }
    open.recordUsage({ meter: 'reports', quantity: 1 })
    expect([sink.records.length, open.owes]).toEqual([2, true])
    await open.settle('run.completed', 'success')
    expect([sink.records.length, open.owes]).toEqual([4, false])
    const events = sink.records.flatMap((record) => record.events)
    expect(events.filter(({ action }) => action === 'test.row')).toHaveLength(410)
    const counted = events.filter(({ action }) => action.startsWith('flag.'))
    expect(counted.map(({ count }) => count)).toEqual(templates.map(() => 410))
  })

  it('holds back no more than 5,000 kinds of events that it counts', () => {
    const { sink, open } = activity()
    for (let i = 0; i < 5_000; i++) open.fold(eventTemplate({ action: `flag.${i}` }))
    expect(sink.records).toHaveLength(25)
  })

  it('after it settled is a further part', async () => {
    const { sink, open } = activity()
    await open.settle('run.completed', 'success')
    open.note({ action: 'test.late', notable: true })
    open.fold(passed)
    await open.settlePart()
    expect(sink.records).toHaveLength(2)
    expect(sink.records[1]).toMatchObject({ part: 2, of: open.id, events: [{ action: 'test.late' }, passedEvent] })
  })

  const passedEvent = { action: 'limit.passed', targets: [{ type: 'limit', id: 'api' }] }
})

describe('nothing is acknowledged whose earlier parts are not durable', () => {
  const full = new Error('full')

  /** 200 events begin a part, which is refused. */
  function refused() {
    const { sink, open } = activity()
    sink.answers = [Promise.reject(full)]
    for (let i = 0; i < 200; i++) open.note({ action: `test.${i}` })
    return open
  }

  it('when the record settles', async () => {
    await expect(refused().settle('run.completed', 'success')).rejects.toBe(full)
  })

  it('when a part settles, also where nothing came after', async () => {
    await expect(refused().settlePart()).rejects.toBe(full)
    const open = refused()
    open.note({ action: 'test.more' })
    await expect(open.settlePart()).rejects.toBe(full)
  })

  it('and not before they are', async () => {
    const { sink, open } = activity()
    let durable: () => void = () => undefined
    sink.answers = [
      new Promise<void>((resolve) => {
        durable = resolve
      }),
    ]
    for (let i = 0; i < 200; i++) open.recordUsage({ meter: 'reports', quantity: 1, key: String(i) })
    let told = false
    const settled = open.settlePart().then(() => {
      told = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(told).toBe(false)
    durable()
    await settled
  })
})

describe('refusals', () => {
  it('fold when nothing else was done', async () => {
    const { sink, open } = activity()
    open.note({ action: 'limit.refused', outcome: 'refused', targets: [{ type: 'limit', id: 'api' }] })
    await open.settle('request.handled', 'refused')
    expect(sink.options[0]?.fold).toMatchObject({ id: open.id, at: open.at })
  })

  it('differ by actor, target and code, not by trace', async () => {
    const key = async (
      id: string,
      target: string,
      code: string,
      type: Actor['type'] = 'user',
    ): Promise<string | undefined> => {
      const { sink, open } = activity()
      open.actor = { id, type }
      open.note({
        action: 'auth.refused',
        outcome: 'refused',
        targets: [{ type: 'role', id: target }],
        metadata: { code },
      })
      await open.settle('request.handled', 'refused')
      return sink.options[0]?.fold?.key
    }
    expect(await key('ada', 'a', 'X')).toBe(await key('ada', 'a', 'X'))
    const keys = [await key('ada', 'a', 'X'), await key('bob', 'a', 'X'), await key('ada', 'b', 'X')]
    const others = [await key('ada', 'a', 'Y'), await key('ada', 'a', 'X', 'api_key')]
    expect(new Set([...keys, ...others]).size).toBe(5)
  })

  it('fold together what was served the same, as often: a count is one of all that was', async () => {
    const served = (value: boolean) => eventTemplate({ action: 'flag.evaluated', metadata: { value } })
    const [on, off] = [served(true), served(false)]
    const key = async (...templates: (typeof on)[]): Promise<string | undefined> => {
      const { sink, open } = activity()
      for (const template of templates) open.fold(template)
      open.note({ action: 'limit.refused', outcome: 'refused' })
      await open.settle('request.handled', 'refused')
      return sink.options[0]?.fold?.key
    }
    expect(await key(on)).toBe(await key(served(true)))
    expect(await key(on, off, on)).toBe(await key(on, on, off))
    const others = [await key(), await key(on), await key(off), await key(on, on), await key(on, off)]
    expect(new Set([...others, await key(on, off, off), await key(on, on, off)]).size).toBe(7)
  })

  it('never fold together with something that had an effect', async () => {
    for (const effect of ['usage', 'event', 'observed'] as const) {
      const { sink, open } = activity()
      if (effect === 'usage') open.recordUsage({ meter: 'reports', quantity: 1 })
      if (effect === 'event') open.note({ action: 'report.shared', notable: true })
      if (effect === 'observed') open.note({ action: 'x.refused', outcome: 'refused', metadata: { observed: true } })
      open.note({ action: 'limit.refused', outcome: 'refused' })
      await open.settle('request.handled', 'refused')
      expect(sink.options[0]?.fold, effect).toBeUndefined()
    }
  })
})
