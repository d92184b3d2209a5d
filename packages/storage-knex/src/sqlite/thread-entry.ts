import { parentPort, workerData } from 'node:worker_threads'
import { loadDriver } from './driver.ts'
import { failureOf } from './failure.ts'
import type { Answer, Request, ThreadOptions, Trace } from './protocol.ts'
import { RecordsThread } from './records-thread.ts'

const port = parentPort
if (!port) throw new Error('This file is the entry of a worker thread.')

const options: ThreadOptions = workerData
const trace = options.trace ? (sql: string) => port.postMessage({ sql } satisfies Trace) : undefined
const answer = await startAnswering()

port.on('message', (request: Request) => {
  port.postMessage(answer(request))
  if (request.operations.some((operation) => operation[0] === 'close')) port.close()
})

async function startAnswering(): Promise<(request: Request) => Answer> {
  try {
    const thread = new RecordsThread(await loadDriver(), options, trace)
    return (request) => thread.answer(request)
  } catch (error) {
    const failure = failureOf(error)
    return ({ id, operations }) => ({ id, results: operations.map(() => ({ failure })) })
  }
}
