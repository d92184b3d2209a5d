import { AsyncResource } from 'node:async_hooks'
import { Readable, Stream } from 'node:stream'
import type { HttpPipeline } from '@throughline/core/http'
import { recordError } from '@throughline/core/http'
import type { Context, ExtendableContext, Next } from 'koa'
import { KoaExchange } from './koa-exchange.ts'

/** Middleware that says nothing of the context: `ctx.state` and `ctx.params` of what comes after stay as they were. */
export type KoaHandler = (context: ExtendableContext, next: Next) => Promise<unknown>

/** A pipeline as middleware. What is thrown after it is put on the request's record on its way out. */
export function middlewareOf<Ctx extends Context>(name: string, pipeline: HttpPipeline<Ctx>): KoaHandler {
  const middleware: KoaHandler = (context, next) =>
    new Promise<void>((resolve, reject) => {
      pipeline.handle(new KoaExchange(context as unknown as Ctx), proceed, reject)

      function proceed(): void {
        next().then(
          () => {
            watchBody(context as unknown as Context)
            resolve()
          },
          (error: unknown) => {
            recordError(error)
            reject(error)
          },
        )
      }
    })
  return Object.defineProperty(middleware, 'name', { value: name })
}

/** Koa reads a streamed body when all middleware is done, and tells none of it that the body failed. */
function watchBody({ body, res }: Context): void {
  if (!(body instanceof Stream)) return
  // Or a generator behind it would run outside of the request's tenant context.
  if (body instanceof Readable) body._read = AsyncResource.bind(body._read)
  const failed = (error: unknown): void => {
    // Koa 3 says so of a client that has hung up: no error of the app.
    if (!(res.destroyed && codeOf(error) === 'ERR_STREAM_PREMATURE_CLOSE')) recordError(error)
  }
  body.once('error', AsyncResource.bind(failed))
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
