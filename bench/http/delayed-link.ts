import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import type { Duplex } from 'node:stream'

/** A way to a server on which every packet takes `delayMs` longer, there and back together. */
export async function delayedLink(
  target: { readonly host: string; readonly port: number },
  delayMs: number,
): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((near) => {
    const far = connect(target)
    for (const socket of [near, far]) socket.setNoDelay(true).on('error', () => {})
    pass(near, far)
    pass(far, near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }

  function pass(from: Duplex, to: Duplex): void {
    from.on('data', (chunk) => setTimeout(() => to.write(chunk), delayMs / 2))
    from.on('close', () => setTimeout(() => to.end(), delayMs / 2))
  }
}
