/** Shows how the traffic goes: one line that updates on a terminal, a line now and then elsewhere. */
export class Progress {
  readonly #out: NodeJS.WriteStream
  readonly #counts = new Map<string, number>()
  #total = 0
  #phase = ''

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
  }

  get total(): number {
    return this.#total
  }

  answered(status: number): void {
    const kind = status === 429 ? '429' : `${Math.floor(status / 100)}xx`
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1)
    this.#total += 1
    if (this.#out.isTTY && this.#total % 10 === 0) this.#draw()
  }

  /** The next part of the traffic begins. */
  phase(name: string): void {
    if (this.#phase !== '') this.#end()
    this.#phase = name
    if (this.#out.isTTY) this.#draw()
  }

  done(): void {
    this.#end()
    this.#phase = ''
  }

  #end(): void {
    if (this.#out.isTTY) this.#draw()
    else this.#out.write(this.#line())
    this.#out.write('\n')
  }

  #draw(): void {
    this.#out.write(`\r${this.#line().padEnd(100)}`)
  }

  #line(): string {
    const counts = [...this.#counts].sort(([a], [b]) => a.localeCompare(b)).map(([kind, count]) => `${kind} ${count}`)
    return `  ${this.#phase.padEnd(46)} ${String(this.#total).padStart(4)} requests  ${counts.join('  ')}`
  }
}
