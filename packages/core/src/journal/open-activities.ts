import type { Activity } from './activity.ts'

/** Where an activity stands among the open ones; -1 while it is none of them. */
export interface OpenPosition {
  openAt: number
}

/** The contexts that have not settled. A place in a list: a set would hash each of them twice for every request. */
export class OpenActivities {
  readonly #list: Activity[] = []

  add(activity: Activity): void {
    activity.openAt = this.#list.length
    this.#list.push(activity)
  }

  delete(activity: Activity): void {
    const { openAt } = activity
    if (openAt < 0) return
    activity.openAt = -1
    const last = this.#list.pop() as Activity
    if (last === activity) return
    this.#list[openAt] = last
    last.openAt = openAt
  }

  /** Those that were opened by then. */
  before(at: number): readonly Activity[] {
    return this.#list.filter((activity) => activity.at <= at)
  }
}
