import { AsyncResource } from 'node:async_hooks'
import { Readable, Stream } from 'node:stream'
import { recordError } from '@throughline/core/http'
import type { Context } from 'koa'

/** Each is watched by the innermost middleware that meets it. */
const watched = new WeakSet<object>()

/**
 * Koa reads a streamed body when all middleware is done, and tells none of it that the body failed. Called in the
 * request's context: has the body read in it, and what it fails with put on the record.
 */
export function watchBody({ body, res }: Pick<Context, 'body' | 'res'>): void {
  const stream = body instanceof Response ? body.body : body
  if (!(stream instanceof Stream || stream instanceof ReadableStream) || watched.has(stream)) return
  watched.add(stream)
  const failed = (error: unknown): void => {
    // Koa 3 says so of a client that has hung up: no error of the app.
    if (!(res.destroyed && codeOf(error) === 'ERR_STREAM_PREMATURE_CLOSE')) recordError(error)
  }
  if (stream instanceof Stream) watchStream(stream, AsyncResource.bind(failed))
  else watchWebStream(stream, failed)
}

function watchStream(body: Stream, failed: (error: unknown) => void): void {
  // Or a generator behind it would run outside of the request's tenant context.
  if (body instanceof Readable) body._read = AsyncResource.bind(body._read)
  body.once('error', failed)
}

/** Koa 3 reads a web stream by its iterator. */
function watchWebStream(body: ReadableStream, failed: (error: unknown) => void): void {
  const inContext = AsyncResource.bind(<T>(step: () => Promise<T>): Promise<T> => step())
  const iterate = body[Symbol.asyncIterator]
  body[Symbol.asyncIterator] = () => {
    const iterator = iterate.call(body)
    const { next, return: stop } = iterator
    return Object.assign(iterator, {
      next: () => inContext(() => next.call(iterator).catch(rethrow)),
      ...(stop && { return: () => inContext(() => stop.call(iterator)) }),
    })
  }

  function rethrow(error: unknown): never {
    failed(error)
    throw error
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
