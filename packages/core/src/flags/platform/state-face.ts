import type { Catalog } from '../../catalog/definitions.ts'
import type { PlatformPort } from '../../platform-port.ts'
import { asHistory, historyEntry, historyQuery } from '../changes/flag-history.ts'
import type { KnownFlags } from '../changes/known-flags.ts'
import type { PlatformFlags } from './platform-flags.ts'

/** How the operator looks at flags as they are, were and will be. */
export function stateFace<C extends Catalog>(
  flags: KnownFlags,
  port: PlatformPort,
): Pick<PlatformFlags<C>, 'get' | 'list' | 'history'> {
  const looked = (...keys: string[]): void =>
    port.note({ action: 'flag.read', targets: keys.map((id) => ({ type: 'flag', id })) })
  return {
    async get(key) {
      const state = await flags.state(key)
      looked(key)
      return state
    },
    async list() {
      const found = await flags.states()
      looked()
      return found.filter(({ archived }) => !archived)
    },
    async history(key) {
      flags.declared(key)
      const { flag } = await flags.read(key)
      const documents = await port.list(historyQuery(key))
      looked(key)
      return asHistory(
        documents.flatMap((document) => historyEntry(key, document) ?? []),
        flag,
        port.now(),
      )
    },
  }
}
