import { Worker } from 'node:worker_threads'
import type { ThreadOptions } from './protocol.ts'

/** What a client needs of a worker thread. */
export type Thread = Pick<Worker, 'postMessage' | 'on' | 'ref' | 'unref' | 'terminate'>

/** Starts a thread of ours, from the sources (Node strips the types) or from what was built of them. */
export function startThread(options: ThreadOptions): Thread {
  const fromSource = import.meta.url.endsWith('.ts')
  return new Worker(new URL(fromSource ? './thread-entry.ts' : './thread-entry.js', import.meta.url), {
    workerData: options,
    name: `throughline-${options.role}`,
    // Not the process's own arguments: some of them (`--input-type`, `--eval`) would end a thread at its start.
    execArgv: fromSource ? ['--conditions=source'] : [],
  })
}
