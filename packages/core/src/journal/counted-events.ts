import type { EventTemplate } from '../event.ts'

/** Beyond it, where one stands is looked up instead of looked for. */
const FEW = 200

/** A routine event, and how often it was met: a link of a list, since most contexts meet three or four. */
export interface CountedEvent {
  readonly template: EventTemplate
  readonly count: number
  readonly next: CountedEvent | undefined
}

interface Counting {
  readonly template: EventTemplate
  count: number
  next: Counting | undefined
}

/** How often a context met each of its routine events. Equal ones are one and the same template. */
export class CountedEvents {
  #first: Counting | undefined
  #last: Counting | undefined
  #size = 0
  /** Absent while they are few. */
  #known: Map<EventTemplate, Counting> | undefined

  /** How many different ones there are. */
  get size(): number {
    return this.#size
  }

  /** All of them, which stay. */
  get first(): CountedEvent | undefined {
    return this.#first
  }

  add(template: EventTemplate, count: number): void {
    const known = this.#find(template)
    if (known) {
      known.count += count
      return
    }
    const added: Counting = { template, count, next: undefined }
    if (this.#last) this.#last.next = added
    else this.#first = added
    this.#last = added
    this.#size += 1
    this.#known?.set(template, added)
  }

  /** Takes the first of them out. */
  take(most: number): CountedEvent | undefined {
    const first = this.#first
    if (!first || most <= 0) return undefined
    let last = first
    let taken = 1
    for (; taken < most && last.next; taken++) last = last.next
    this.#first = last.next
    if (!last.next) this.#last = undefined
    last.next = undefined
    this.#size -= taken
    this.#known = undefined
    return first
  }

  #find(template: EventTemplate): Counting | undefined {
    if (this.#size > FEW) {
      this.#known ??= mapOf(this.#first)
      return this.#known.get(template)
    }
    let event = this.#first
    while (event && event.template !== template) event = event.next
    return event
  }
}

function mapOf(first: Counting | undefined): Map<EventTemplate, Counting> {
  const known = new Map<EventTemplate, Counting>()
  for (let event = first; event; event = event.next) known.set(event.template, event)
  return known
}
