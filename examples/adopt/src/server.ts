import { openApp } from './open-app.ts'

const { DATABASE_URL, SESSION_SECRET, WEBHOOK_SECRET, PORT = '3000' } = process.env
if (!DATABASE_URL || !SESSION_SECRET || !WEBHOOK_SECRET) {
  throw new Error('Set DATABASE_URL, SESSION_SECRET and WEBHOOK_SECRET.')
}
const { app, close } = await openApp({
  connection: DATABASE_URL,
  sessionSecret: SESSION_SECRET,
  webhookSecret: WEBHOOK_SECRET,
})
const server = app.listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}`))
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => server.close(() => void close()))
}
