import { keyName } from './key-names.ts'
import { Script, type ScriptRunner } from './script-runner.ts'

/** Which server a key is on. */
const WHO = new Script("return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''")

/** Of two servers, 32 keys are on one by a chance of 1 in two thousand million. */
const KEYS = 32

/**
 * Whether all keys are on one server, of whatever kind the client is: also a client of a single server may be led to many
 * by a proxy, of which some refuse scripts of several slots, and some would run them on the first key's server.
 *
 * @throws Error where no server can be asked
 */
export async function isOneServer(runner: ScriptRunner, prefix: string): Promise<boolean> {
  const groups = Array.from({ length: KEYS }, (_, i) => `$server-${i}`)
  const keys = groups.map((group) => keyName(prefix, group, `${group}\u0000who`))
  const together = await runner.run(WHO, keys, []).catch((error: unknown) => {
    if (isRefusal(error)) return ''
    throw error
  })
  if (together === '') return false
  const each = await Promise.all(keys.map((key) => runner.run(WHO, [key], [])))
  return each.every((name) => name === together)
}

/** A server's own word, as against a connection's: `CROSSSLOT …`, `NOPERM …`, `ERR …`. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof Error &&
    /^[A-Z]{3,} /.test(error.message) &&
    !/^(LOADING|BUSY|CLUSTERDOWN|MASTERDOWN|READONLY|TRYAGAIN) /.test(error.message)
  )
}
