import { benchFlags } from './flags/run.ts'
import { benchHttp } from './http/run.ts'
import { benchLimits } from './limits/run.ts'
import { benchLongTransaction } from './postgres/long-transaction.ts'

/** `npm run bench -- <name>`: each prints its figures, and as its last line one JSON object with its ratios. */
const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  flags: benchFlags,
  http: benchHttp,
  limits: benchLimits,
  'long-transaction': benchLongTransaction,
}

const name = process.argv[2] ?? ''
const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined
if (!bench) {
  console.error(`Which one? npm run bench -- ${Object.keys(BENCHES).join(' | ')}`)
  process.exit(2)
}
await bench()
