import { Worker } from 'node:worker_threads'
import type { Thread } from '../../sqlite/start-thread.ts'
import type { LimitsThreadOptions } from './limits-protocol.ts'

/** Starts the thread that decides, from the sources (Node strips the types) or from what was built of them. */
export function startLimitsThread(options: LimitsThreadOptions): Thread {
  const fromSource = import.meta.url.endsWith('.ts')
  const entry = fromSource ? './limits-thread-entry.ts' : './limits-thread-entry.js'
  return new Worker(new URL(entry, import.meta.url), {
    workerData: options,
    name: 'throughline-limits',
    // Not the process's own arguments: some of them (`--input-type`, `--eval`) would end a thread at its start.
    execArgv: fromSource ? ['--conditions=source'] : [],
  })
}
