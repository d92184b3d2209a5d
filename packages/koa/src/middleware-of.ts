import type { HttpPipeline } from '@throughline/core/http'
import { recordError } from '@throughline/core/http'
import type { Context, Middleware } from 'koa'
import { KoaExchange } from './koa-exchange.ts'

/** A pipeline as middleware. What is thrown after it is put on the request's record on its way out. */
export function middlewareOf<Ctx extends Context>(name: string, pipeline: HttpPipeline<Ctx>): Middleware {
  const middleware: Middleware = (context, next) =>
    new Promise<void>((resolve, reject) => {
      pipeline.handle(new KoaExchange(context as unknown as Ctx), proceed, reject)

      function proceed(): void {
        next().then(resolve, (error: unknown) => {
          recordError(error)
          reject(error)
        })
      }
    })
  return Object.defineProperty(middleware, 'name', { value: name })
}
