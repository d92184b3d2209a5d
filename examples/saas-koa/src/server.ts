import { fileURLToPath } from 'node:url'
import { serve } from '../../saas-express/src/serve.ts'
import { startApp } from './start-app.ts'

await serve(startApp, fileURLToPath(new URL('../data', import.meta.url)))
