import type { RedisClient } from '@throughline/storage-redis'

const COMMANDS = new Set<PropertyKey>(['evalsha', 'evalSha', 'eval'])

/** A client that counts the scripts it is asked to run. */
export function countingClient<C extends RedisClient>(client: C): { readonly client: C; calls(): number } {
  let calls = 0
  const counting = new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        if (COMMANDS.has(name)) calls += 1
        return Reflect.apply(value, target, args)
      }
    },
  })
  return { client: counting, calls: () => calls }
}
