import { runDemo } from './demo/run-demo.ts'
import { startApp } from './start-app.ts'

await runDemo(startApp)
