import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AstBuilder, compile, GherkinClassicTokenMatcher, Parser } from '@cucumber/gherkin'
import type { Pickle } from '@cucumber/messages'
import { IdGenerator } from '@cucumber/messages'

export interface Feature {
  readonly name: string
  /** Scenarios with their background, one for each row of their examples. */
  readonly scenarios: readonly Pickle[]
}

/** The `.feature` files of a folder; none if the folder is not there. */
export function readFeatures(folder: string): readonly Feature[] {
  if (!existsSync(folder)) return []
  const files = readdirSync(folder).filter((file) => file.endsWith('.feature'))
  return files.sort().map((file) => ({ name: file, scenarios: parse(readFileSync(join(folder, file), 'utf8'), file) }))
}

function parse(text: string, file: string): readonly Pickle[] {
  const newId = IdGenerator.incrementing()
  const document = new Parser(new AstBuilder(newId), new GherkinClassicTokenMatcher()).parse(text)
  return compile(document, file, newId)
}
