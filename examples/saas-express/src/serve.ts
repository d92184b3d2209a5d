import type { StartApp } from './running-app.ts'

/** Starts the application, and says what to try. */
export async function serve(startApp: StartApp, folder: string): Promise<void> {
  const port = Number(process.env.PORT ?? 3000)
  const app = await startApp({ folder, port, logError: console.error }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
    console.error(`Port ${port} is taken. Choose another one: PORT=${port + 1} npm start`)
    process.exit(1)
  })
  const token = await app.tokens.issue({ id: 'ada', name: 'Ada' })
  const header = `-H 'Authorization: Bearer ${token}'`
  const at = (tenant: string, path: string): string => `'http://${tenant}.localhost:${app.port}${path}'`

  console.log(`The application of Acme Corporation: http://acme.localhost:${app.port}

Ada of Acme, who is also a member of Globex, but not of Initech. Try:

# her projects at Acme
curl -i ${header} ${at('acme', '/projects')}

# the same login at Initech: not found, and on Initech's timeline
curl -i ${header} ${at('initech', '/projects')}

# everything Acme did in the last 30 days
curl -s ${header} ${at('acme', '/timeline?last=30d')}

Ctrl+C ends it.`)

  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void app.close())
}
