import type { LimitDefinition } from '../../src/catalog/definitions.ts'
import type { EventTemplate } from '../../src/event.ts'
import {
  createLimits,
  type LimitsEngine,
  type LimitsOptions,
  type LimitsScope,
  limitsView,
} from '../../src/limits/index.ts'
import type { JournalEvent } from '../../src/storage/index.ts'
import { memoryLimits } from '../../src/storage/memory-limits.ts'
import type { Actor, Json } from '../../src/vocabulary.ts'

/** An open context of one actor of a tenant. */
export interface TestScope extends LimitsScope {
  readonly folded: EventTemplate[]
  readonly noted: JournalEvent[]
}

/** A limits engine on a clock that tests turn, and the context it is asked in. */
export class LimitsBench {
  now = 1_700_000_000_000
  flags: Readonly<Record<string, Json>> = {}
  scope: TestScope
  readonly limits: LimitsEngine
  readonly #catalog: Readonly<Record<string, LimitDefinition>>
  #ids = 0

  constructor(catalog: Readonly<Record<string, LimitDefinition>>, options: Partial<LimitsOptions> = {}) {
    this.#catalog = catalog
    this.limits = createLimits({
      scope: () => this.scope,
      store: memoryLimits(),
      fallback: memoryLimits(),
      now: () => this.now,
      newId: () => `lease-${this.#ids++}`,
      flag: (_scope, key) => this.flags[key],
      mode: 'enforce',
      timeoutMs: 40,
      share: 1,
      ...options,
    })
    this.scope = this.enter()
  }

  /** The context from now on. */
  enter(
    parts: { tenant?: string; actor?: string; route?: string; plan?: Readonly<Record<string, LimitDefinition>> } = {},
  ): TestScope {
    const { tenant = 'acme', actor = 'ada', route = 'GET /reports', plan } = parts
    const folded: EventTemplate[] = []
    const noted: JournalEvent[] = []
    const who: Actor = { id: actor, type: 'user' }
    this.scope = {
      snapshot: { limits: limitsView({ tenant, catalog: this.#catalog, plan, overrides: new Map(), now: this.now }) },
      tenant: { id: tenant },
      actor: who,
      route,
      folded,
      noted,
      fold: (template) => void folded.push(template),
      note: (event) => void noted.push(event),
    }
    return this.scope
  }
}
