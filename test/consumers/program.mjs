import * as core from '@throughline/core'
import * as adapter from '@throughline/express'
import express from 'express'
import { tryApp } from './try-app.mjs'

const answers = await tryApp({ core, adapter, express })
console.log(JSON.stringify({ ...answers, from: import.meta.resolve('@throughline/core') }))
