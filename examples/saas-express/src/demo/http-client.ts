import { Agent, request } from 'node:http'

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON a route answers
  readonly body: any
}

export interface Call {
  readonly method?: string
  readonly path: string
  /** `acme` for `acme.localhost`; absent: the bare host. */
  readonly tenant?: string
  readonly bearer?: string
  readonly json?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Sends requests to an application on loopback, whatever host they name, and tells about each answer. */
export class HttpClient {
  readonly #port: number
  readonly #onAnswer: (status: number) => void
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 })

  constructor(port: number, onAnswer: (status: number) => void) {
    this.#port = port
    this.#onAnswer = onAnswer
  }

  send({ method, path, tenant, bearer, json, headers }: Call): Promise<Answer> {
    const body = json === undefined ? undefined : JSON.stringify(json)
    return new Promise((resolve, reject) => {
      const outgoing = request({
        agent: this.#agent,
        host: '127.0.0.1',
        port: this.#port,
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        path,
        headers: {
          host: `${tenant === undefined ? '' : `${tenant}.`}localhost:${this.#port}`,
          ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
      })
      outgoing.on('error', reject)
      outgoing.on('response', (response) => {
        const chunks: Buffer[] = []
        response.on('error', reject)
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const status = response.statusCode ?? 0
          this.#onAnswer(status)
          resolve({ status, body: parsed(Buffer.concat(chunks).toString()) })
        })
      })
      outgoing.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
