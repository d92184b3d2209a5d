import { once } from 'node:events'
import { parentPort, Worker } from 'node:worker_threads'
import type { Contender } from './contenders.ts'

/** A contender of the module's that runs in a thread of its own: nobody collects the garbage of another. */
export interface OwnHeapContender extends Contender {
  close(): Promise<void>
}

/** @param module that answers in its thread, by {@link answerRuns}, to this name */
export function inOwnHeap(module: string, name: string): OwnHeapContender {
  const worker = new Worker(new URL(module), { workerData: name })
  return {
    name,
    async run(calls) {
      worker.postMessage(calls)
      await once(worker, 'message')
    },
    async after(calls) {
      worker.postMessage(-calls)
      await once(worker, 'message')
    },
    async close() {
      await worker.terminate()
    },
  }
}

/** Runs in the thread: what is asked, and after it, with a number below 0, what the run leaves. */
export function answerRuns({ run, after }: Omit<Contender, 'name'>): void {
  parentPort?.on('message', async (calls: number) => {
    await (calls > 0 ? run(calls) : after?.(-calls))
    parentPort?.postMessage('done')
  })
}
