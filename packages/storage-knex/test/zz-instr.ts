import { mkdtempSync, rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import { RecordsThread } from '../src/sqlite/records-thread.ts'
import { sharedClock } from '../src/sqlite/protocol.ts'
import { Connection } from '../src/sqlite/connection.ts'
const acc = new Map<string, [number, number]>()
for (const m of ['run','get','all'] as const) { const o: any = Connection.prototype[m]; (Connection.prototype as any)[m] = function (sql: string, ...v: unknown[]) { const s = process.hrtime.bigint(); try { return o.call(this, sql, ...v) } finally { const e = acc.get(sql) ?? [0, 0]; e[0] += Number(process.hrtime.bigint() - s); e[1]++; acc.set(sql, e) } } }
const tenants = Number(process.argv[2] ?? 50), batches = Number(process.argv[3] ?? 2000), per = 50
const dir = mkdtempSync('/tmp/tl-bench-')
const t = new RecordsThread(Database, { role: 'writer', filename: dir + '/a.db', durability: 'process', secret: 's', busyTimeoutMs: 100, trace: false }, undefined)
let id = 0
const call = (...operations: any[]) => t.answer({ id: ++id, now: Date.now(), deadline: sharedClock() + 1e6, operations })
call(['migrate', 'auto', ['records', 'usage', 'tenants']])
let n = 0
function body() {
  const lines: string[] = []
  for (let i = 0; i < per; i++) {
    const t = `tenant-${n++ % tenants}`
    lines.push(JSON.stringify({ id: '01JABCDEFGHJKMNPQRSTV' + String(n).padStart(8,'0'), tenant: t, at: Date.now(), actor: { type: 'user', id: 'user-17' }, trace: '0af7651916cd43dd8448eb211c80319c', request: { method: 'POST', path: '/reports', route: '/reports', status: 200, ms: 3, ip: '127.0.0.1' }, events: [ { action: 'request.handled' }, { action: 'flag.evaluated', targets:[{type:'flag',id:'new-reports'}], metadata: { value: true } }, { action: 'usage.recorded', targets: [{type:'meter',id:'reports'}], metadata: { quantity: 1 } } ] }))
  }
  return `[${lines.join(',\n')}]`
}
let seq = 0
for (let round = 0; round < 3; round++) {
  const bodies = Array.from({ length: batches }, body)
  let c = process.cpuUsage()
  for (const b of bodies) call(['append', 'w', ++seq, 0, b])
  let u = process.cpuUsage(c); console.log('append µs', ((u.user + u.system) / batches).toFixed(1))
  c = process.cpuUsage(); let rec = 0, slices = 0; const w = performance.now(); let max = 0
  for (;;) { const s = performance.now(); const a: any = call(['project', { lane: 0, holder: 'p', leaseMs: 5000, maxRows: 4096 }]); const e = performance.now() - s; if (e > max) max = e; const r = a.results[0].value; if (!r) throw new Error(JSON.stringify(a)); rec += r.records; slices++; if (!r.more) break }
  u = process.cpuUsage(c); console.log('project CPU µs/record', ((u.user + u.system) / rec).toFixed(1), 'sys', (u.system/rec).toFixed(1), 'wall', ((performance.now() - w) * 1000 / rec).toFixed(1), 'rec/slice', (rec / slices).toFixed(0), 'max ms', max.toFixed(0))
}
for (const [k,[ns,n]] of [...acc].sort((a,b)=>b[1][0]-a[1][0]).slice(0,14)) console.log((ns/1e6).toFixed(0).padStart(6)+'ms', String(n).padStart(7), (ns/n/1000).toFixed(1)+'µs', k.slice(0,70).replace(/\s+/g,' '));t.close(); rmSync(dir, { recursive: true })
