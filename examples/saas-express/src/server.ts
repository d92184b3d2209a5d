import { fileURLToPath } from 'node:url'
import { serve } from './serve.ts'
import { startApp } from './start-app.ts'

await serve(startApp, fileURLToPath(new URL('../data', import.meta.url)))
