import type { RequestListener, Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { connect } from 'node:net'

/** A server on loopback; `stop` cuts what is left of its connections. */
export async function serve(
  listener: RequestListener,
): Promise<{ port: number; server: Server; stop(): Promise<void> }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    server,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A client that sees bytes, not messages. */
export class RawClient {
  readonly #socket: Socket
  readonly #chunks: Buffer[] = []
  readonly #closed: Promise<void>
  #received: () => void = () => {}

  constructor(port: number, request: string) {
    this.#socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    this.#socket.on('data', (chunk) => {
      this.#chunks.push(chunk)
      this.#received()
    })
    this.#socket.on('error', () => {})
    this.#socket.on('end', () => this.#socket.end())
    this.#closed = new Promise((resolve) => this.#socket.on('close', () => resolve()))
    this.#socket.write(request, 'latin1')
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('latin1')
  }

  write(more: string): void {
    this.#socket.write(more, 'latin1')
  }

  /** Resolves once what was received satisfies. */
  async until(satisfied: (text: string) => boolean): Promise<void> {
    while (!satisfied(this.text)) await new Promise<void>((resolve) => (this.#received = resolve))
  }

  /** All that came until the server closed the connection. */
  async all(): Promise<string> {
    await this.#closed
    return this.text
  }

  /** Has nothing more to say, and listens on. */
  finish(): void {
    this.#socket.end()
  }

  leave(): void {
    this.#socket.destroy()
  }

  /** Leaves without a word: what is on its way to it comes back as an error. */
  reset(): void {
    this.#socket.resetAndDestroy()
  }
}

/** Sends one or more requests on one connection and answers all bytes that come back. */
export function roundTrip(port: number, request: string): Promise<string> {
  return new RawClient(port, request).all()
}

/** A few full turns of the event loop. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}
