import { once } from 'node:events'
import { systemClock } from '@throughline/core/storage'
import { failureOf } from './failure.ts'
import type { ExitCode, Terminal } from './terminal.ts'

export interface ProcessTerminal extends Terminal {
  /** The exit code of a command that ended with `code`: what it said may not have arrived. */
  exitCodeOf(code: ExitCode): ExitCode
}

/**
 * The terminal, pipe or file that this process was started with. When that takes no more, the command goes on all the
 * same: what it changes is still to be done, and what it opened to be closed.
 */
export function processTerminal(): ProcessTerminal {
  const { stdout, stderr } = process
  let isLeft = false
  let isBroken = false
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isLeft) return
    isLeft = true
    // Whoever reads us may stop early (`| head`): that is no error.
    if (error.code === 'EPIPE') return
    isBroken = true
    stderr.write(`throughline: The output could not be written. ${failureOf(error).sentence}\n`)
  })
  stderr.on('error', () => {})
  return {
    write: (text) => {
      if (!isLeft) stdout.write(text)
    },
    drained: async () => {
      // It rejects when the other end is left meanwhile, which was noted above.
      if (!isLeft && stdout.writableNeedDrain) await once(stdout, 'drain').catch(() => {})
      return !isLeft
    },
    warn: (text) => stderr.write(text),
    now: systemClock().now,
    stopped: () =>
      new Promise((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
      }),
    exitCodeOf: (code) => (isBroken && code === 0 ? 1 : code),
  }
}
