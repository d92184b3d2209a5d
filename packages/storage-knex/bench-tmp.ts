import createKnex from 'knex'
import { scopeKnex } from './src/scoped-knex/scoped-knex.ts'
import { AsyncLocalStorage } from 'node:async_hooks'
const plain = createKnex({ client: 'better-sqlite3', connection: ':memory:', useNullAsDefault: true })
await plain.raw('create table reports (tenant_id text, id integer, title text, n integer, project_id integer, primary key (tenant_id,id))')
for (let i=0;i<50;i++) { await plain('reports').insert({tenant_id:'acme',id:i,title:'t',n:i,project_id:i%5}) }
const als = new AsyncLocalStorage<string>()
const T='acme'
const db = scopeKnex(plain, { tables: ['reports'] }, () => T)
const none = scopeKnex(plain, { tables: ['reports'] }, () => T)
const fw = none.client
for (const e of ['start','query','query-error','query-response']) fw.removeAllListeners(e)
const timeA=async (f:()=>any)=>{ const a=process.cpuUsage(); for(let i=0;i<10000;i++) await f(); const b=process.cpuUsage(a); return (b.user+b.system)/10000 }
const forms: [string, ()=>any][] = [
 ['hand', ()=>plain('reports').where('tenant_id',T).where('id',3).update({n:4})],
 ['scoped', ()=>db('reports').where('id',3).update({n:4})],
 ['scoped none', ()=>none('reports').where('id',3).update({n:4})],
 ['hand sel', ()=>plain('reports').where('tenant_id',T).where('id',3).first()],
 ['scoped sel', ()=>db('reports').where('id',3).first()],
]
const best: Record<string, number[]> = {}
for (let r=0;r<9;r++) for (const [n,f] of forms) (best[n] ??= []).push(await timeA(f))
for (const [n,v] of Object.entries(best)) { v.sort((a,b)=>a-b); console.log(n.padEnd(12), v[0]!.toFixed(2), v[4]!.toFixed(2)) }
await plain.destroy()
