import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect } from 'vitest'
import document from './fixtures/ofrep-openapi.json' with { type: 'json' }

interface Declared {
  readonly headers?: Readonly<Record<string, object>>
  readonly content?: object
}

const ajv = new Ajv2020({
  strict: false,
  formats: { uri: URL.canParse, 'date-time': (text: string) => !Number.isNaN(Date.parse(text)) },
})
ajv.addSchema(document)

const [ONE, ALL] = ['/ofrep/v1/evaluate/flags/{key}', '/ofrep/v1/evaluate/flags'] as const

/** That a body is what the protocol's document says of it by name. */
export function expectValid(schema: keyof typeof document.components.schemas, body: unknown): void {
  expectAt(['components', 'schemas', schema], body)
}

/**
 * That an answer to a call is one that the protocol's document has for it: status, headers and body.
 * @param path what follows `/ofrep/v1/evaluate/flags`
 */
export function expectAnswer(path: string, status: number, headers: Headers, body: unknown): void {
  const operation = path.startsWith('/') ? ONE : ALL
  const responses: Readonly<Record<string, Declared>> = document.paths[operation].post.responses
  const declared = responses[status]
  if (!declared) throw new Error(`The protocol has no ${status} for ${operation}.`)
  const at = ['paths', operation, 'post', 'responses', String(status)]
  for (const name of Object.keys(declared.headers ?? {})) {
    expectAt([...at, 'headers', name, 'schema'], headers.get(name))
  }
  if (declared.content) {
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
    expectAt([...at, 'content', 'application/json', 'schema'], body)
  }
}

function expectAt(path: readonly string[], value: unknown): void {
  const pointer = path.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')
  ajv.validate({ $ref: `${document.$id}#/${pointer}` }, value)
  expect(ajv.errors).toBe(null)
}
