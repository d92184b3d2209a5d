import type { CharacterSet } from './flag-pattern-characters.ts'
import type { PatternNode } from './flag-pattern-parser.ts'
import { PatternError } from './flag-pattern-parser.ts'

/** One step of a compiled pattern. Steps follow each other, but for forks. */
export interface PatternStep {
  readonly kind: 'take' | 'fork' | 'start' | 'end' | 'match'
  /** Of `take`: the characters. */
  readonly set?: CharacterSet
  /** Of `fork`: where it goes on. */
  readonly to: number[]
}

const MAX_STEPS = 1_000

/**
 * A pattern as steps, the last of which is the match.
 *
 * @throws PatternError for one that repeats too much
 */
export function patternSteps(pattern: PatternNode): readonly PatternStep[] {
  const writer = new StepWriter()
  writer.write(pattern)
  writer.add({ kind: 'match', to: [] })
  return writer.steps
}

class StepWriter {
  readonly steps: PatternStep[] = []
  #visited = 0

  add(step: PatternStep): PatternStep {
    this.steps.push(step)
    return step
  }

  write(node: PatternNode): void {
    // What repeats nothing adds no step, and must not be repeated without end either.
    if (++this.#visited > MAX_STEPS || this.steps.length > MAX_STEPS) throw new PatternError('repeats too much.')
    if (node.kind === 'take') this.add({ kind: 'take', set: node.set, to: [] })
    else if (node.kind === 'start' || node.kind === 'end') this.add({ kind: node.kind, to: [] })
    else if (node.kind === 'sequence') for (const part of node.nodes) this.write(part)
    else if (node.kind === 'either') this.#either(node.nodes)
    else {
      for (let i = 0; i < node.least; i++) this.write(node.node)
      if (node.most === Number.POSITIVE_INFINITY) this.#anyNumber(node.node)
      else this.#atMost(node.node, node.most - node.least)
    }
  }

  #either(nodes: readonly PatternNode[]): void {
    const ends: PatternStep[] = []
    for (const [i, node] of nodes.entries()) {
      const isLast = i === nodes.length - 1
      const fork = isLast ? undefined : this.#fork(this.steps.length + 1)
      this.write(node)
      if (!isLast) ends.push(this.#fork())
      fork?.to.push(this.steps.length)
    }
    for (const end of ends) end.to.push(this.steps.length)
  }

  #anyNumber(node: PatternNode): void {
    const first = this.steps.length
    const fork = this.#fork(first + 1)
    this.write(node)
    this.#fork(first)
    fork.to.push(this.steps.length)
  }

  #atMost(node: PatternNode, times: number): void {
    const forks: PatternStep[] = []
    for (let i = 0; i < times; i++) {
      forks.push(this.#fork(this.steps.length + 1))
      this.write(node)
    }
    for (const fork of forks) fork.to.push(this.steps.length)
  }

  #fork(...to: number[]): PatternStep {
    return this.add({ kind: 'fork', to })
  }
}
