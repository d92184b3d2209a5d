import type { HttpPipeline } from '@throughline/core/http'
import { recordError } from '@throughline/core/http'
import type { Context, ExtendableContext, Next } from 'koa'
import { KoaExchange } from './koa-exchange.ts'
import { watchBody } from './watch-body.ts'

/** Middleware that says nothing of the context: `ctx.state` and `ctx.params` of what comes after stay as they were. */
export type KoaHandler = (context: ExtendableContext, next: Next) => Promise<unknown>

/** A pipeline as middleware. What is thrown after it is put on the request's record on its way out. */
export function middlewareOf<Ctx extends Context>(name: string, pipeline: HttpPipeline<Ctx>): KoaHandler {
  const middleware: KoaHandler = (context, next) =>
    new Promise<void>((resolve, reject) => {
      pipeline.handle(new KoaExchange(context as unknown as Ctx), proceed, reject)

      async function proceed(): Promise<void> {
        try {
          await next()
          watchBody(context as unknown as Context)
        } catch (error) {
          recordError(error)
          reject(error)
          return
        }
        resolve()
      }
    })
  return Object.defineProperty(middleware, 'name', { value: name })
}
