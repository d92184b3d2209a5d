import type { EventTemplate } from '../event.ts'

/** Beyond it, where one stands is looked up instead of looked for. */
const FEW = 200

/** Routine events, and how often each was met. */
export interface EventCounts {
  readonly templates: readonly EventTemplate[]
  /** In the order of the templates. */
  readonly counts: readonly number[]
}

/** How often a context met each of its routine events. Equal ones are one and the same template. */
export class CountedEvents {
  #templates: EventTemplate[] = []
  #counts: number[] = []
  /** Absent while they are few. */
  #positions: Map<EventTemplate, number> | undefined

  /** How many different ones there are. */
  get size(): number {
    return this.#templates.length
  }

  add(template: EventTemplate, count: number): void {
    const at = this.#positionOf(template)
    if (at >= 0) {
      this.#counts[at] = (this.#counts[at] as number) + count
      return
    }
    this.#positions?.set(template, this.#templates.length)
    this.#templates.push(template)
    this.#counts.push(count)
  }

  /** All of them, which stay. */
  all(): EventCounts {
    return { templates: this.#templates, counts: this.#counts }
  }

  /** Takes the first of them out. */
  take(most: number): EventCounts {
    const [templates, counts] = [this.#templates, this.#counts]
    this.#templates = templates.length > most ? templates.splice(most) : []
    this.#counts = counts.length > most ? counts.splice(most) : []
    this.#positions = undefined
    return { templates, counts }
  }

  #positionOf(template: EventTemplate): number {
    const templates = this.#templates
    if (templates.length <= FEW) return templates.indexOf(template)
    this.#positions ??= new Map(templates.map((each, at) => [each, at]))
    return this.#positions.get(template) ?? -1
  }
}
