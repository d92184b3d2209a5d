import type { IncomingMessage } from 'node:http'
import { trace } from '@opentelemetry/api'
import type { TenantContextOptions } from '../../src/http/index.ts'
import { TenantPipeline } from '../../src/http/tenant-pipeline.ts'
import type { ThroughlineHost } from '../../src/index.ts'
import { HOST } from '../../src/instance.ts'
import { serve } from '../http/raw-client.ts'

export interface TracedApp {
  get(tenant: string, path?: string, headers?: Readonly<Record<string, string>>): Promise<Response>
  stop(): Promise<void>
}

/** A server whose requests each have a span, as an instrumentation of node:http would make it. */
export async function tracedApp(
  throughline: ThroughlineHost,
  handler: (message: IncomingMessage) => unknown,
  options: Partial<TenantContextOptions<IncomingMessage>> = {},
): Promise<TracedApp> {
  const pipeline = new TenantPipeline<IncomingMessage>(throughline[HOST], {
    tenant: ({ headers }) => (headers['x-org'] as string) || undefined,
    actor: () => ({ id: 'ada' }),
    ...options,
  })
  const { port, stop } = await serve((message, response) => {
    trace.getTracer('http').startActiveSpan(`GET ${message.url}`, (span) => {
      response.on('close', () => span.end())
      const exchange = { carrier: message, message, response, path: message.url ?? '', ip: undefined, route: () => '/' }
      const fail = (error: unknown): void => {
        response.statusCode = (error as { status?: number }).status ?? 500
        response.end((error as { code?: string }).code)
      }
      const proceed = async (): Promise<void> => {
        response.end(JSON.stringify((await handler(message)) ?? {}))
      }
      pipeline.handle(exchange, () => void proceed().catch(fail), fail)
    })
  })
  return {
    get: (tenant, path = '/', headers = {}) =>
      fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'x-org': tenant, ...headers } }),
    stop,
  }
}
