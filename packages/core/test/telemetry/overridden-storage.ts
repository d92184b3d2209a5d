import type { Storage } from '../../src/index.ts'
import { memoryStorage } from '../../src/index.ts'

type Records = Storage['records']

/** A storage in memory, some of whose methods are a test's own. */
export function overriddenStorage(overrides: (records: Records) => Partial<Records>): Storage {
  const storage = memoryStorage()
  const { records } = storage
  const own = overrides(records)
  const overridden = new Proxy(records, {
    get(target, key) {
      const value = Reflect.get(Object.hasOwn(own, key) ? own : target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { ...storage, records: overridden }
}
