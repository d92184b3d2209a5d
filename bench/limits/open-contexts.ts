import type { createThroughline } from '@throughline/core'
import { bind } from '@throughline/core'

/** Contexts of so many tenants that stay open, as requests under way are, and a function bound to each of them. */
export interface OpenContexts<Args extends unknown[], R> {
  readonly calls: readonly ((...args: Args) => R)[]
  close(): Promise<void>
}

/** Opens a context for each of `tenant-0`, `tenant-1` …, and binds `call` to it. */
export async function openContexts<Args extends unknown[], R>(
  throughline: Pick<ReturnType<typeof createThroughline>, 'run'>,
  count: number,
  call: (...args: Args) => R,
): Promise<OpenContexts<Args, R>> {
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const calls: ((...args: Args) => R)[] = []
  const contexts: Promise<void>[] = []
  for (let i = 0; i < count; i++) {
    await new Promise<void>((entered, failed) => {
      const context = throughline.run({ tenant: `tenant-${i}`, actor: { id: `user-${i}` } }, () => {
        calls.push(bind(call))
        entered()
        return ended
      })
      context.catch(failed)
      contexts.push(context)
    })
  }
  return {
    calls,
    async close() {
      end()
      await Promise.all(contexts)
    },
  }
}
