import { connect } from 'node:net'

/** One stretch of load: how much was answered, and how long each answer took. */
export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  /** ms */
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly failures: number
}

export interface LoadOptions {
  readonly port: number
  readonly connections: number
  readonly tenants: number
  readonly requests: number
}

/**
 * Keep-alive connections, each with one request under way: as little work for each answer as can be, so that the
 * server is the one that is measured.
 */
export async function load({ port, connections, tenants, requests }: LoadOptions): Promise<LoadResult> {
  const heads = Array.from({ length: tenants }, (_, i) =>
    Buffer.from(
      `GET /reports/${i} HTTP/1.1\r\nHost: bench.localhost\r\nx-org: tenant-${i}\r\nx-user: user-${i % 7}\r\n\r\n`,
    ),
  )
  const latencies = new Float64Array(requests)
  let sent = 0
  let done = 0
  let failures = 0
  const started = performance.now()
  await Promise.all(Array.from({ length: connections }, () => connection()))
  const seconds = (performance.now() - started) / 1_000
  const sorted = latencies.subarray(0, done).sort()
  return {
    requests: done,
    seconds,
    p50: sorted[Math.floor(done * 0.5)] ?? 0,
    p99: sorted[Math.floor(done * 0.99)] ?? 0,
    p999: sorted[Math.floor(done * 0.999)] ?? 0,
    failures,
  }

  function connection(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      let at = 0
      let received = ''
      const next = (): void => {
        if (sent >= requests) {
          socket.end()
          resolve()
          return
        }
        at = performance.now()
        socket.write(heads[sent++ % tenants] as Buffer)
      }
      socket.setNoDelay(true)
      socket.on('connect', next)
      socket.on('error', reject)
      socket.on('data', (chunk: Buffer) => {
        // An answer is a head and a body of a declared length, nearly always in one piece.
        received += chunk.toString('latin1')
        const head = received.indexOf('\r\n\r\n')
        if (head < 0) return
        const length = /content-length: (\d+)/i.exec(received.slice(0, head))
        if (!length || received.length < head + 4 + Number(length[1])) return
        if (!received.startsWith('HTTP/1.1 200')) failures += 1
        received = ''
        latencies[done++] = performance.now() - at
        next()
      })
    })
  }
}
