import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { RecordsStore } from '../../src/storage/records.ts'
import { VersionWatch } from '../../src/tenants/version-watch.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function watching(versions = async (): Promise<readonly { scope: string; version: number }[]> => []) {
  const seen = { looks: 0, changed: [] as string[], subscribed: 0 }
  let notify = (): void => {}
  const watch = new VersionWatch({
    versions: () => {
      seen.looks += 1
      return versions()
    },
    notices(listener) {
      seen.subscribed += 1
      notify = listener
      return () => {
        seen.subscribed -= 1
      }
    },
    now: () => Date.now(),
    cached: () => [{ scope: 'acme', version: 1 }],
    onChange: (scope) => void seen.changed.push(scope),
    onFailure: (error) => {
      throw error
    },
  })
  watch.start()
  return { watch, seen, notify: () => notify() }
}

it('looks every second, and at once when a notice comes', async () => {
  const { seen, notify } = watching(async () => [{ scope: 'acme', version: 2 }])
  await vi.advanceTimersByTimeAsync(500)
  expect(seen.looks).toBe(0)
  for (let i = 0; i < 100; i++) notify()
  await vi.advanceTimersByTimeAsync(20)
  expect(seen).toMatchObject({ looks: 1, changed: ['acme'] })
  await vi.advanceTimersByTimeAsync(999)
  expect(seen.looks).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(seen.looks).toBe(2)
})

it('looks again when a notice comes while it looks', async () => {
  let answer = (): void => {}
  const { seen, notify } = watching(() => new Promise((resolve) => (answer = () => resolve([]))))
  notify()
  await vi.advanceTimersByTimeAsync(20)
  expect(seen.looks).toBe(1)
  notify()
  answer()
  await vi.advanceTimersByTimeAsync(20)
  expect(seen.looks).toBe(2)
})

it('does not let notices put off the look of every second', async () => {
  const { seen, notify } = watching()
  for (let i = 0; i < 200; i++) {
    notify()
    await vi.advanceTimersByTimeAsync(10)
  }
  expect(seen.looks).toBeGreaterThanOrEqual(50)
})

it('listens no more once it has stopped', async () => {
  const { watch, seen, notify } = watching()
  watch.stop()
  notify()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(seen).toMatchObject({ looks: 0, subscribed: 0 })
})

it('sees a change whatever the clock says of whoever made it', async () => {
  const asked: Parameters<RecordsStore['versions']>[0][] = []
  const changed: string[] = []
  const scopes = ['$platform', ...Array.from({ length: 1_200 }, (_, i) => `t${i}`)]
  const watch = new VersionWatch({
    async versions(query) {
      asked.push(query)
      return 'scopes' in query ? query.scopes.map((scope) => ({ scope, version: 2 })) : []
    },
    now: () => Date.now(),
    cached: () => scopes.map((scope) => ({ scope, version: 1 })),
    onChange: (scope) => void changed.push(scope),
    onFailure: (error) => {
      throw error
    },
  })
  watch.start()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(changed).toEqual(scopes.slice(0, 500))
  expect(asked).toEqual([{ scopes: scopes.slice(0, 500) }, { since: expect.any(Number) }])
  await vi.advanceTimersByTimeAsync(60_000)
  expect(new Set(changed)).toEqual(new Set(scopes))
  watch.stop()
})
