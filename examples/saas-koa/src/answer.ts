import type { ParameterizedContext } from 'koa'

/** Answers with JSON. */
export function answer(context: ParameterizedContext, status: number, body?: object): void {
  context.body = body ?? null
  context.status = status
}

/** What `bodyParser` read. */
export function bodyOf(context: ParameterizedContext): unknown {
  return (context.request as { readonly body?: unknown }).body
}
