const { pathToFileURL } = require('node:url')
const core = require('@throughline/core')
const adapter = require('@throughline/express')
const express = require('express')
const { tryApp } = require('./try-app.mjs')

// createThroughline is synchronous: a CommonJS app needs no `await` to be set up.
tryApp({ core, adapter, express }).then((answers) => {
  console.log(JSON.stringify({ ...answers, from: pathToFileURL(require.resolve('@throughline/core')).href }))
})
