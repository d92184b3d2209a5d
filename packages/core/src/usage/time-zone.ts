const DAY = 86_400_000
const SECOND = 1_000

/**
 * What clocks show in one time zone. Local times are numbers as well: ms since the epoch, if the clock were one of UTC.
 */
export class TimeZone {
  readonly #format: Intl.DateTimeFormat

  /**
   * @param name an IANA name: `Europe/Berlin`
   * @throws RangeError for an unknown one
   */
  constructor(name: string) {
    // Offsets (`+05:30`) are no names, and not every runtime takes them.
    if (!/^[A-Za-z]/.test(name)) throw new RangeError(`"${name}" is not a time zone.`)
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
  }

  /** What the clock shows. */
  localOf(at: number): number {
    const [month, day, year, hour, minute, second] = (this.#format.format(at).match(/\d+/g) ?? []).map(Number)
    const shown = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second)
    return shown + (((at % SECOND) + SECOND) % SECOND)
  }

  /**
   * The first moment at which the clock shows this time; where it skips the time, the moment of the skip.
   * Of a time that the clock shows twice it is the first.
   */
  firstAt(local: number): number {
    const offsets = [this.#offset(local - DAY), this.#offset(local + DAY)]
    const [earlier, later] = [local - Math.max(...offsets), local - Math.min(...offsets)]
    if (this.localOf(earlier) === local) return earlier
    if (this.localOf(later) === local) return later
    return this.#skip(local, earlier, later)
  }

  /** ms that the clock is ahead of UTC. */
  #offset(at: number): number {
    return this.localOf(at) - at
  }

  /** The clock shows less than `local` at `before`, and more at `after`. */
  #skip(local: number, before: number, after: number): number {
    let [least, most] = [before, after]
    while (most - least > 1) {
      const middle = Math.floor((least + most) / 2)
      if (this.localOf(middle) < local) least = middle
      else most = middle
    }
    return most
  }
}
