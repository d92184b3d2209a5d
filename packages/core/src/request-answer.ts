/** The answer to the request that a context serves, as far as guards may touch it. */
export interface RequestAnswer {
  /** The route's template, where it is known by now: `/reports/:id`. */
  route(): string | undefined
  /** Adds a header while the head is not sent. */
  header(name: string, value: string): void
}
