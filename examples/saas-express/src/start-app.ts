import { createApp } from './app.ts'
import type { StartApp } from './running-app.ts'
import { startWith } from './running-app.ts'

/** Starts the application, on Express. */
export const startApp: StartApp = (options) => startWith(createApp, options)
