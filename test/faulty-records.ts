import type {
  Change,
  CommitResult,
  DocumentQuery,
  DocumentSet,
  JournalBatch,
  ProjectRequest,
  ProjectResult,
  RecordsOpen,
  RecordsStore,
  ScopeVersion,
  TimelinePage,
  TimelineQuery,
  UsageQuery,
  UsageTotal,
} from '@throughline/core/storage'
import { memoryStorage } from '@throughline/core/storage'

/**
 * `storeThenFail`: it is done, and reported as failed; a commit whose confirmation was lost. `late`: it is done, and its
 * answer is long on the way.
 */
export type Fault = 'fail' | 'hang' | 'storeThenFail' | 'late'

export type FaultyOperation = 'append' | 'commit' | 'project' | 'backlog' | 'read' | 'list' | 'versions' | 'timeline'

/** What a failing operation throws: no error of ours, as a driver's would be. */
export class StorageDown extends Error {
  override readonly name = 'StorageDown'
}

/** A records store whose operations fail, hang, or succeed unconfirmed while a test says so. */
export class FaultyRecords implements RecordsStore {
  readonly name = 'faulty'
  /** Batches that were asked to be appended, in order, also those that failed. */
  readonly asked: JournalBatch[] = []
  /** Calls of each operation. */
  readonly calls = new Map<FaultyOperation, number>()
  readonly #inner: RecordsStore
  readonly #faults = new Map<FaultyOperation, Fault>()
  readonly #hanging: (() => void)[] = []

  constructor(inner: RecordsStore = memoryStorage().records) {
    this.#inner = inner
  }

  /** From now on the operations have this fault; those that hang have it too. */
  break(fault: Fault, ...operations: readonly FaultyOperation[]): void {
    for (const operation of operations) this.#faults.set(operation, fault)
    for (const go of this.#hanging.splice(0)) go()
  }

  /** Everything works again, and what hung goes on. */
  heal(): void {
    this.#faults.clear()
    for (const go of this.#hanging.splice(0)) go()
  }

  /** Calls that hang now. */
  get hanging(): number {
    return this.#hanging.length
  }

  open(options: RecordsOpen): Promise<void> {
    return this.#inner.open(options)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  append(batch: JournalBatch): Promise<void> {
    this.asked.push(batch)
    return this.#run('append', () => this.#inner.append(batch))
  }

  commit(change: Change): Promise<CommitResult> {
    return this.#run('commit', () => this.#inner.commit(change))
  }

  project(request: ProjectRequest): Promise<ProjectResult> {
    return this.#run('project', () => this.#inner.project(request))
  }

  backlog(): ReturnType<RecordsStore['backlog']> {
    return this.#run('backlog', () => this.#inner.backlog())
  }

  read(query: DocumentQuery): Promise<DocumentSet> {
    return this.#run('read', () => this.#inner.read(query))
  }

  list(query: Parameters<RecordsStore['list']>[0]): ReturnType<RecordsStore['list']> {
    return this.#run('list', () => this.#inner.list(query))
  }

  versions(query: Parameters<RecordsStore['versions']>[0]): Promise<readonly ScopeVersion[]> {
    return this.#run('versions', () => this.#inner.versions(query))
  }

  timeline(query: TimelineQuery): Promise<TimelinePage> {
    return this.#run('timeline', () => this.#inner.timeline(query))
  }

  usage(query: UsageQuery): Promise<readonly UsageTotal[]> {
    return this.#inner.usage(query)
  }

  async #while(operation: FaultyOperation, fault: Fault): Promise<void> {
    while (this.#faults.get(operation) === fault) {
      await new Promise<void>((resolve) => this.#hanging.push(resolve))
    }
  }

  async #run<T>(operation: FaultyOperation, go: () => Promise<T>): Promise<T> {
    this.calls.set(operation, (this.calls.get(operation) ?? 0) + 1)
    await this.#while(operation, 'hang')
    const fault = this.#faults.get(operation)
    if (fault === 'fail') throw new StorageDown(`${operation} failed.`)
    const result = await go()
    await this.#while(operation, 'late')
    if (fault === 'storeThenFail') throw new StorageDown(`${operation} was done, but not confirmed.`)
    return result
  }
}
