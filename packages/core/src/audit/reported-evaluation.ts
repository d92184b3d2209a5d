import type { EventTemplate } from '../event.ts'
import { eventTemplate } from '../event.ts'

/** What another flag system answered, for the tenant's trail. */
export interface ReportedEvaluation {
  /** The flag's key, as the other system knows it. */
  readonly flag: string
  /** The other system's name. */
  readonly provider: string
  /** Kept if it is a boolean, a number or a text of at most 100 characters. */
  readonly value?: unknown
  readonly variant?: string | undefined
  /** OpenFeature's: `STATIC`, `TARGETING_MATCH`, `ERROR`, … */
  readonly reason?: string | undefined
  /** Set when the caller's default was served because something failed. */
  readonly errorCode?: string | undefined
}

const MAX_TEXT = 100
const MAX_FLAG = 200
const MAX_TEMPLATES = 2_000

/** Events of equal evaluations are one and the same, so that a context counts them; bounded, whatever is reported. */
export class ReportedEvaluations {
  readonly #templates = new Map<string, EventTemplate>()

  get size(): number {
    return this.#templates.size
  }

  template(evaluation: ReportedEvaluation): EventTemplate {
    const flag = shortened(evaluation.flag, MAX_FLAG)
    const metadata = metadataOf(evaluation)
    const key = JSON.stringify([flag, metadata])
    let template = this.#templates.get(key)
    if (template === undefined) {
      const prepared = eventTemplate({
        action: 'flag.evaluated',
        ...(metadata.errorCode !== undefined && { outcome: 'failure' }),
        targets: [{ type: 'flag', id: flag }],
        metadata,
      })
      template = { ...prepared, provider: metadata.provider }
      if (this.#templates.size >= MAX_TEMPLATES) this.#templates.clear()
      this.#templates.set(key, template)
    }
    return template
  }
}

type ReportedMetadata = Readonly<Record<string, string | number | boolean>> & { readonly provider: string }

function metadataOf({ provider, value, variant, reason, errorCode }: ReportedEvaluation): ReportedMetadata {
  return {
    ...(isShort(value) && { value }),
    ...(typeof variant === 'string' && { variant: shortened(variant) }),
    ...(typeof reason === 'string' && { reason: shortened(reason) }),
    ...(typeof errorCode === 'string' && { errorCode: shortened(errorCode) }),
    provider: shortened(provider),
  }
}

function isShort(value: unknown): value is string | number | boolean {
  return typeof value === 'boolean' || Number.isFinite(value) || (typeof value === 'string' && value.length <= MAX_TEXT)
}

function shortened(text: string, max = MAX_TEXT): string {
  return String(text).slice(0, max).toWellFormed()
}
