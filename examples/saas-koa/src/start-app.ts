import type { StartApp } from '../../saas-express/src/running-app.ts'
import { startWith } from '../../saas-express/src/running-app.ts'
import { createApp } from './app.ts'

/** Starts the application, on Koa. */
export const startApp: StartApp = (options) => startWith(createApp, options)
