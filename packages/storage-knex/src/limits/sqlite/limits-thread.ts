import { systemClock } from '@throughline/core/storage'
import type Driver from 'better-sqlite3'
import type { Connection } from '../../sqlite/connection.ts'
import { failureOf } from '../../sqlite/failure.ts'
import { sharedClock } from '../../sqlite/protocol.ts'
import { limitsUnavailable } from '../limits-failure.ts'
import { LimitsFile } from './limits-file.ts'
import type { LimitsCall, LimitsMessage, LimitsReply, LimitsThreadOptions } from './limits-protocol.ts'
import type { LimitsTable } from './limits-table.ts'
import { pause } from './pause.ts'
import { isBusy } from './sqlite-code.ts'

/** Between two attempts to have the lock: SQLite's own pauses are longer than all of a decision. */
const LONGEST_PAUSE_MS = 0.5

/** What the thread does with a message. */
export class LimitsThread {
  readonly #file: LimitsFile
  readonly #options: LimitsThreadOptions
  /** All processes of this machine have it in common. */
  readonly #clock = systemClock()
  #lastNow = 0

  constructor(driver: typeof Driver, options: LimitsThreadOptions, trace: ((sql: string) => void) | undefined) {
    this.#file = new LimitsFile(driver, options, trace)
    this.#options = options
  }

  /** All calls of a message share one transaction. */
  answer({ calls, deadline }: LimitsMessage): LimitsReply {
    try {
      if (sharedClock() > deadline) throw limitsUnavailable('The limits database did not come round to this in time.')
      if (calls[0]?.[0] === 'open') this.#file.openPatiently(deadline)
      else if (calls[0]?.[0] === 'close') this.#file.close()
      else return { values: this.#answerAll(calls) }
      return { values: [undefined] }
    } catch (error) {
      this.#file.failed(error)
      return { failure: { message: 'The limits database is not reachable.', ...failureOf(error) } }
    }
  }

  /** Once a message is answered: cleans up a little, if it is time for that and nobody else writes. */
  sweep(): void {
    const { session } = this.#file
    if (!session?.sweeper.isDue) return
    try {
      session.connection.run('BEGIN IMMEDIATE')
      session.sweeper.sweep(this.#lastNow)
      session.connection.run('COMMIT')
    } catch (error) {
      this.#file.failed(error)
    }
  }

  #answerAll(calls: readonly LimitsCall[]): readonly unknown[] {
    const { connection, table, sweeper } = this.#file.open()
    this.#begin(connection)
    const values = calls.map((call) => this.#perform(table, call))
    connection.run('COMMIT')
    sweeper.count(calls.length)
    return values
  }

  #perform(table: LimitsTable, call: LimitsCall): unknown {
    if (call[0] === 'open' || call[0] === 'close') return undefined
    const [name, request, asked] = call
    // Only now nobody else decides: the time goes on from one transaction to the next, whatever process has it.
    const now = this.#options.clock === 'caller' ? asked : this.#clock.now()
    this.#lastNow = now
    return table[name](request, now)
  }

  #begin(connection: Connection): void {
    const { busyTimeoutMs } = this.#options
    const until = sharedClock() + busyTimeoutMs
    for (;;) {
      try {
        connection.run('BEGIN IMMEDIATE')
        return
      } catch (error) {
        if (!isBusy(error)) throw error
        if (sharedClock() >= until) {
          throw limitsUnavailable(`Another process kept the limits file locked for ${busyTimeoutMs} ms.`, error)
        }
        pause(LONGEST_PAUSE_MS)
      }
    }
  }
}
