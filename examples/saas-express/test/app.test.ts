import { createApp } from '../src/app.ts'
import { describeApp } from './app-cases.ts'

describeApp(createApp)
