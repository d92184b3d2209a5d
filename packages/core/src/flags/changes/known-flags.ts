import type { FlagDefinition } from '../../catalog/definitions.ts'
import type { Problem } from '../../catalog/problems.ts'
import { didYouMean } from '../../did-you-mean.ts'
import { ThroughlineError } from '../../errors.ts'
import type { PlatformPort } from '../../platform-port.ts'
import type { StoredDocument } from '../../storage/records.ts'
import { PLATFORM } from '../../vocabulary.ts'
import { definitionProblems } from './definition-problems.ts'
import type { EffectiveDefinitions } from './effective-definitions.ts'
import { effectiveDefinitions, servedDefinition } from './effective-definitions.ts'
import type { ChangeBase } from './flag-change.ts'
import type { FlagHistoryEntry } from './flag-history.ts'
import { historyEntry, versionKey } from './flag-history.ts'
import type { FlagState } from './flag-state.ts'
import { flagState } from './flag-state.ts'
import type { FlagSetting, StoredFlag } from './stored-flag.ts'
import { readStoredFlag } from './stored-flag.ts'

/** What knowing flags takes. */
export interface KnownFlagsOptions {
  readonly port: Pick<PlatformPort, 'acting' | 'now' | 'read'>
  readonly catalog: Readonly<Record<string, FlagDefinition>>
  /** What is wrong with a definition of a flag, beside the others as they are; without them, by itself. */
  check(definition: unknown, path: string, others?: Readonly<Record<string, FlagDefinition>>): readonly Problem[]
}

/** One flag as it was read, and the version of its document. */
export interface ReadFlag {
  readonly flag: StoredFlag
  readonly document: number
}

/** What the catalog and the storage say of flags, to the operator alone. */
export class KnownFlags {
  readonly #options: KnownFlagsOptions

  constructor(options: KnownFlagsOptions) {
    this.#options = options
  }

  /** As the catalog orders them. */
  get keys(): readonly string[] {
    return Object.keys(this.#options.catalog)
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#options.catalog, key)
  }

  /**
   * What the catalog says of a flag.
   *
   * @throws ThroughlineError `PLATFORM_REASON_REQUIRED` outside `platform.run`; `FLAG_NOT_FOUND`
   */
  declared(key: string): FlagDefinition {
    const { port, catalog } = this.#options
    port.acting()
    const definition = Object.hasOwn(catalog, key) ? catalog[key] : undefined
    if (definition) return definition
    const given = String(key).slice(0, 100)
    throw new ThroughlineError('FLAG_NOT_FOUND', {
      message: `No flag has the key "${given}".${didYouMean(given, this.keys)}`,
    })
  }

  async read(key: string): Promise<ReadFlag> {
    const { documents } = await this.#options.port.read({ tenant: PLATFORM, kinds: ['flags'], key })
    return { flag: readStoredFlag(documents[0]?.value), document: documents[0]?.version ?? 0 }
  }

  /** How a flag stands now. */
  async state(key: string): Promise<FlagState> {
    this.declared(key)
    const documents = await this.#documents()
    const stored = documents.find((document) => document.key === key)
    return this.#stateBeside(this.#effective(documents, this.#options.port.now()), key, readStoredFlag(stored?.value))
  }

  /** How every flag stands now. */
  async states(): Promise<readonly FlagState[]> {
    const documents = await this.#documents()
    const others = this.#effective(documents, this.#options.port.now())
    const stored = new Map(documents.map(({ key, value }) => [key, value]))
    return this.keys.map((key) => this.#stateBeside(others, key, readStoredFlag(stored.get(key))))
  }

  /** Every flag as it is at a time, ms, as snapshots take it: what was right beside the others of its time holds. */
  async effective(at: number): Promise<EffectiveDefinitions> {
    return this.#effective(await this.#documents(), at)
  }

  /** What is served of a flag by one of its settings. */
  served(key: string, setting: FlagSetting): FlagDefinition {
    return servedDefinition(this.#options.check, key, this.declared(key), setting)
  }

  /** What a change of a flag is decided by, beside the other flags as they are at a time, ms. */
  async base(key: string, setting: FlagSetting, at: number): Promise<ChangeBase> {
    const { check } = this.#options
    const declared = this.declared(key)
    const { definitions: others } = await this.effective(at)
    return {
      key,
      declared,
      setting,
      problems: (definition) =>
        definitionProblems((given, path) => check(given, path, others), key, declared, definition),
      kept: (version) => this.#kept(key, version),
    }
  }

  /** @param others as they are: a deploy of one flag can make a circle of another */
  #stateBeside({ definitions: others }: EffectiveDefinitions, key: string, flag: StoredFlag): FlagState {
    const { port, check } = this.#options
    const declared = this.declared(key)
    return flagState(key, declared, flag, port.now(), (definition) =>
      definitionProblems((given, path) => check(given, path, others), key, declared, definition),
    )
  }

  #effective(documents: readonly StoredDocument[], at: number): EffectiveDefinitions {
    const { catalog, check } = this.#options
    return effectiveDefinitions(catalog, documents, at, check)
  }

  async #documents(): Promise<readonly StoredDocument[]> {
    return (await this.#options.port.read({ tenant: PLATFORM, kinds: ['flags'] })).documents
  }

  async #kept(key: string, version: number): Promise<FlagHistoryEntry | undefined> {
    const query = { tenant: PLATFORM, kinds: ['definitions'], key: versionKey(key, version) } as const
    const { documents } = await this.#options.port.read(query)
    return documents[0] && historyEntry(key, documents[0])
  }
}
