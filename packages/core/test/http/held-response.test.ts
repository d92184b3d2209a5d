import { createRequire } from 'node:module'
import type { Express } from 'express'
import express5 from 'express'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { holdResponse } from '../../src/http/held-response.ts'
import { roundTrip, serve, turns } from './raw-client.ts'
import type { Scenario } from './scenarios.ts'
import { SCENARIOS } from './scenarios.ts'

const express4: typeof express5 = createRequire(import.meta.url)('express4')

interface Seen {
  /** Bytes on the wire, without the Date headers. */
  readonly bytes: string
  /** Events and callbacks, by response. */
  readonly events: readonly (readonly string[])[]
  readonly settled: readonly number[]
}

async function play(
  express: () => Express,
  scenario: Scenario,
  settle: (() => void | Promise<void>) | undefined,
): Promise<Seen> {
  const app = express().set('env', 'production').disable('x-powered-by')
  const events: string[][] = []
  const settled: number[] = []
  const closed: Promise<void>[] = []
  const hold: express5.RequestHandler = (request, response, next) => {
    const index = settled.push(0) - 1
    if (settle) {
      holdResponse(request, response, {
        settle() {
          settled[index] = (settled[index] as number) + 1
          return settle()
        },
        replace: () => ({ status: 599, headers: {}, body: 'replaced' }),
      })
    }
    next()
  }
  app.use((_request, response, next) => {
    const seen: string[] = []
    events.push(seen)
    for (const name of ['prefinish', 'finish', 'close']) response.on(name, () => seen.push(name))
    closed.push(new Promise((resolve) => response.on('close', () => resolve())))
    next()
  })
  scenario.mount(app, hold, (entry) => events.at(-1)?.push(entry))
  const { port, stop } = await serve(app)
  try {
    const bytes = await roundTrip(port, scenario.request)
    await Promise.all(closed)
    return { bytes: bytes.replace(/^Date: .*\r\n/gm, ''), events, settled }
  } finally {
    await stop()
  }
}

/** `prefinish` comes with the real end, later than callbacks of writes before it; all else keeps its order. */
function inOrder(events: readonly string[]): unknown {
  return [events.filter((name) => name !== 'prefinish'), events.filter((name) => name === 'prefinish').length]
}

const SETTLES = {
  'settled at once': () => undefined,
  'settled after two turns': () => turns(2),
  'settled in the same turn': () => Promise.resolve(),
}

// Express logs the errors that scenarios throw.
beforeAll(() => void vi.spyOn(console, 'error').mockImplementation(() => {}))
afterAll(() => void vi.restoreAllMocks())

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
] as const)('%s, held as bare', (_version, express) => {
  describe.each(Object.entries(SETTLES))('%s', (_when, settle) => {
    it.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))('%s', async (_name, scenario) => {
      const bare = await play(express, scenario, undefined)
      const held = await play(express, scenario, settle)
      expect(held.bytes).toBe(bare.bytes)
      expect(held.events.map(inOrder)).toEqual(bare.events.map(inOrder))
      expect(held.settled).toEqual(Array.from({ length: scenario.responses ?? 1 }, () => 1))
    })
  })
})
