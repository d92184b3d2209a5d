import type { RequestListener } from 'node:http'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Answer {
  readonly status: number
  readonly text: string
}

export interface Sent {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** An app on a port of its own, and a client that keeps its connections: many requests, cheaply. */
export class Served {
  readonly #server: http.Server
  readonly #agent: http.Agent

  private constructor(server: http.Server, connections: number) {
    this.#server = server
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: connections })
  }

  static async open(app: RequestListener, { connections = 50 }: { connections?: number } = {}): Promise<Served> {
    const server = http.createServer(app)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new Served(server, connections)
  }

  send(path: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Answer> {
    const { port } = this.#server.address() as AddressInfo
    const json = body === undefined ? undefined : JSON.stringify(body)
    return new Promise((resolve, reject) => {
      const request = http.request(
        {
          host: '127.0.0.1',
          port,
          path,
          method,
          agent: this.#agent,
          headers: { ...headers, ...(json !== undefined && { 'content-type': 'application/json' }) },
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() })
          })
          response.on('error', reject)
        },
      )
      request.on('error', reject)
      request.end(json)
    })
  }

  async close(): Promise<void> {
    this.#agent.destroy()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
