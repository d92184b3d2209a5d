import { expect, it, vi } from 'vitest'
import { RunsAnew } from '../../src/tenants/runs-anew.ts'

/** Runs that end when they are told to. */
class Runs {
  readonly anew: RunsAnew<number> = new RunsAnew<number>()
  readonly #ends: (() => void)[] = []

  get begun(): number {
    return this.#ends.length
  }

  /** Answers which of the runs it was. */
  ask(): Promise<number> {
    const begin = (resolve: (turn: number) => void): void => {
      const turn = this.#ends.push(() => resolve(turn))
    }
    return this.anew.ask('acme', () => new Promise(begin))
  }

  end(turn: number): void {
    this.#ends[turn - 1]?.()
  }
}

it('whoever asks while one is under way has the next, which begins when that has ended', async () => {
  const runs = new Runs()
  const first = runs.ask()
  const others = [runs.ask(), runs.ask()]
  expect(runs.begun).toBe(1)
  runs.end(1)
  expect(await first).toBe(1)
  // The second one may not have begun yet: it is theirs all the same.
  const joined = runs.ask()
  await vi.waitFor(() => expect(runs.begun).toBe(2), { interval: 1 })
  const later = runs.ask()
  runs.end(2)
  expect(await Promise.all([...others, joined])).toEqual([2, 2, 2])
  await vi.waitFor(() => expect(runs.begun).toBe(3), { interval: 1 })
  runs.end(3)
  expect(await later).toBe(3)
})

it('where none is under way one begins at once', async () => {
  const runs = new Runs()
  for (const turn of [1, 2]) {
    const asked = runs.ask()
    expect(runs.begun).toBe(turn)
    runs.end(turn)
    await asked
  }
})

it('one that fails is followed by the next all the same', async () => {
  const runs = new RunsAnew<string>()
  const first = runs.ask('acme', () => Promise.reject(new Error('down')))
  const second = runs.ask('acme', async () => 'up')
  await expect(first).rejects.toThrow('down')
  expect(await second).toBe('up')
})

it('one that is not answered keeps the next waiting for 2 s and no longer', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate'] })
  try {
    const runs = new Runs()
    void runs.ask()
    const next = runs.ask()
    await vi.advanceTimersByTimeAsync(1_999)
    expect(runs.begun).toBe(1)
    await vi.advanceTimersByTimeAsync(2)
    expect(runs.begun).toBe(2)
    runs.end(2)
    expect(await next).toBe(2)
  } finally {
    vi.useRealTimers()
  }
})
