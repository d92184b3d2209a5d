import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'

/** Stands before a server, and can fall silent as a network does: connections stay open, and nothing comes of them. */
export interface SilentProxy {
  readonly port: number
  silence(): void
  speak(): void
  close(): Promise<void>
}

export async function silentProxy(target: URL): Promise<SilentProxy> {
  const sockets = new Set<Socket>()
  let silent = false
  const server = createServer((client) => {
    const upstream = connect({ host: target.hostname, port: Number(target.port) })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
      if (silent) socket.pause()
    }
    client.pipe(upstream)
    upstream.pipe(client)
    if (silent) hush()
  })
  const hush = (): void => {
    for (const socket of sockets) socket.unpipe().pause()
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    silence() {
      silent = true
      hush()
    },
    speak() {
      silent = false
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
