import type { IncomingMessage } from 'node:http'
import { OfrepFailure } from './ofrep-failure.ts'

/** Bytes of a body at the most. */
const MAX_BYTES = 65_536

const JSON_TYPE = /^application\/(?:[\w.!#$&^-]+\+)?json\s*(?:;|$)/i

/**
 * The JSON body of a request.
 *
 * @param parsed what a body parser of the app left; `undefined` where none ran
 * @throws OfrepFailure `PARSE_ERROR` for another content type, more than 64 KiB, or what is no JSON
 */
export async function readJson(message: IncomingMessage, parsed: unknown): Promise<unknown> {
  if (!JSON_TYPE.test(message.headers['content-type'] ?? '')) {
    throw new OfrepFailure('PARSE_ERROR', 'The content type must be application/json.')
  }
  if (parsed !== undefined && !isPlaceholder(parsed, message)) {
    return typeof parsed === 'string' || Buffer.isBuffer(parsed) ? parse(parsed) : parsed
  }
  if ((message.headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new OfrepFailure('PARSE_ERROR', 'The body must not be compressed.')
  }
  return parse(await readBytes(message))
}

/** Some parsers leave an empty object for a body that they do not read: Express 4's, and Koa's. */
function isPlaceholder(parsed: unknown, { readableDidRead, readableEnded }: IncomingMessage): boolean {
  if (readableDidRead || readableEnded || typeof parsed !== 'object' || parsed === null) return false
  return !Array.isArray(parsed) && !Buffer.isBuffer(parsed) && Object.keys(parsed).length === 0
}

function parse(body: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof body === 'string' ? body : new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    throw new OfrepFailure('PARSE_ERROR', 'The body is no JSON.')
  }
}

function readBytes(message: IncomingMessage): Promise<Uint8Array> {
  const tooLarge = (): OfrepFailure => new OfrepFailure('PARSE_ERROR', `The body is larger than ${MAX_BYTES} bytes.`)
  if (Number(message.headers['content-length']) > MAX_BYTES) return Promise.reject(tooLarge())
  // Somebody has read it and kept nothing.
  if (message.readableEnded || message.destroyed) return Promise.resolve(new Uint8Array())
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const done = (settle: () => void): void => {
      message.off('data', take).off('end', end).off('error', fail).off('close', fail)
      settle()
    }
    const take = (chunk: Buffer | string): void => {
      // A text where something of the app has set an encoding.
      const taken = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      bytes += taken.length
      if (bytes > MAX_BYTES) done(() => reject(tooLarge()))
      else chunks.push(taken)
    }
    const end = (): void => done(() => resolve(Buffer.concat(chunks)))
    const fail = (): void => done(() => reject(new OfrepFailure('PARSE_ERROR', 'The body broke off.')))
    message.on('data', take).on('end', end).on('error', fail).on('close', fail)
  })
}
