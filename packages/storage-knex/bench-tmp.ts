import createKnex from '/work/main/node_modules/knex/knex.mjs'
import { scopeKnex } from '/work/main/packages/storage-knex/src/scoped-knex/scoped-knex.ts'
import { AsyncLocalStorage } from 'node:async_hooks'
const plain = createKnex({ client: 'better-sqlite3', connection: ':memory:', useNullAsDefault: true })
await plain.raw('create table reports (tenant_id text, id integer, title text, n integer, project_id integer, primary key (tenant_id,id))')
await plain.raw('create table projects (tenant_id text, id integer, name text, primary key (tenant_id,id))')
for (let i=0;i<50;i++) { await plain('reports').insert({tenant_id:'acme',id:i,title:'t',n:i,project_id:i%5}); await plain('projects').insert({tenant_id:'acme',id:i,name:'p'}) }
const als = new AsyncLocalStorage<string>()
const db = scopeKnex(plain, { tables: ['reports','projects'] }, () => als.getStore())
const T='acme'
const forms: [string, (d:any)=>any, (d:any)=>any][] = [
 ['select where', d=>d('reports').where('reports.tenant_id',T).where('id',3), d=>d('reports').where('id',3)],
 ['join', d=>d('reports as r').leftJoin('projects as p',(j:any)=>j.on('p.id','r.project_id').onVal('p.tenant_id',T)).where('r.tenant_id',T).where('r.id',3).select('r.title','p.name'), d=>d('reports as r').leftJoin('projects as p','p.id','r.project_id').where('r.id',3).select('r.title','p.name')],
 ['update', d=>d('reports').where('tenant_id',T).where('id',3).update({n:4}), d=>d('reports').where('id',3).update({n:4})],
 ['insert (compile)', d=>d('reports').insert({tenant_id:T,id:99,title:'x',n:1}), d=>d('reports').insert({id:99,title:'x',n:1})],
 ['where in sub', d=>d('reports').where('tenant_id',T).whereIn('project_id', d('projects').where('tenant_id',T).select('id')), d=>d('reports').whereIn('project_id', d('projects').select('id'))],
 ['raw col', d=>d('reports').where('tenant_id',T).select(d.raw('upper(title) as t')), d=>d('reports').select(d.raw('upper(title) as t'))],
]
als.run(T, async () => {
  const N=20000
  const time=(f:()=>void)=>{ const a=process.cpuUsage(); for(let i=0;i<N;i++) f(); const b=process.cpuUsage(a); return (b.user+b.system)/N }
  for (const [name, hand, scoped] of forms) {
    const h:number[]=[], s:number[]=[]
    for (let r=0;r<7;r++) { h.push(time(()=>hand(plain).toSQL())); s.push(time(()=>scoped(db).toSQL())) }
    h.sort((a,b)=>a-b); s.sort((a,b)=>a-b)
    console.log(name.padEnd(18),'by hand',h[3].toFixed(2),'scoped',s[3].toFixed(2),'diff µs',(s[3]-h[3]).toFixed(2))
  }
  const timeA=async (f:()=>any)=>{ const a=process.cpuUsage(); for(let i=0;i<5000;i++) await f(); const b=process.cpuUsage(a); return (b.user+b.system)/5000 }
  for (const [name, hand, scoped] of forms) { if (name.startsWith('insert')) continue
    const h:number[]=[], s:number[]=[]
    for (let r=0;r<5;r++) { h.push(await timeA(()=>hand(plain))); s.push(await timeA(()=>scoped(db))) }
    h.sort((a,b)=>a-b); s.sort((a,b)=>a-b)
    console.log('run',name.padEnd(18),'by hand',h[2].toFixed(2),'scoped',s[2].toFixed(2),'diff µs',(s[2]-h[2]).toFixed(2))
  }
  await plain.destroy()
})
