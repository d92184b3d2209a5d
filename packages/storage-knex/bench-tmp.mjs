import Database from 'better-sqlite3'
const d = new Database(':memory:')
d.exec('create table reports (tenant_id text, id integer, title text, n integer, project_id integer, primary key (tenant_id,id)); create table projects (tenant_id text, id integer, name text, primary key (tenant_id,id))')
const ins=d.prepare('insert into reports values (?,?,?,?,?)'); for(let i=0;i<50;i++) ins.run('acme',i,'t',i,i%5)
const time=(sql,...b)=>{ let best=1e9; for(let r=0;r<7;r++){ const a=process.cpuUsage(); for(let i=0;i<20000;i++) d.prepare(sql).all(...b); const c=process.cpuUsage(a); best=Math.min(best,(c.user+c.system)/20000)} return best.toFixed(2) }
console.log('hand', time('select * from `reports` where `reports`.`tenant_id` = ? and `id` = ?','acme',3))
console.log('pred collate', time('select * from `reports` where `reports`.`tenant_id` = ? collate binary and (`id` = ?)','acme',3))
console.log('derived', time('select * from (select * from `reports` where `reports`.`tenant_id` = ? collate binary) as `reports` where `id` = ?','acme',3))
console.log('derived no collate', time('select * from (select * from `reports` where `reports`.`tenant_id` = ?) as `reports` where `id` = ?','acme',3))
console.log('hand cols', time('select id,title from `reports` where `reports`.`tenant_id` = ? and `id` = ?','acme',3))
console.log('derived cols', time('select id,title from (select * from `reports` where `reports`.`tenant_id` = ?) as `reports` where `id` = ?','acme',3))
