/** What a project that uses the packages may be made of. */
export const AXES = {
  language: ['js', 'ts-5.4', 'ts-7'],
  modules: ['esm', 'cjs'],
  runner: ['vitest', 'jest'],
  // JavaScript has no declarations to find.
  resolution: ['node16', 'bundler', 'none'],
  decorators: ['tc39', 'legacy'],
} as const

type Axis = keyof typeof AXES

export type Setup = { readonly [A in Axis]: (typeof AXES)[A][number] }

/**
 * One project each. Crossing all values makes 40 projects; what breaks is rarely more than two settings that do not go
 * together, so these were chosen until every two values of different axes meet in one of them (`unmetPairs`). The
 * four of TypeScript are an orthogonal array over language and resolution, in which the other three axes move together
 * in the ways that are common (ESM with vitest and TC39's decorators, CommonJS with Jest and legacy ones); the three
 * of JavaScript that follow hold the opposite ways. The last adds no pair: JavaScript in CommonJS under Jest and Babel
 * is what most existing apps are.
 *
 * One triple cannot be: TypeScript 5.4, CommonJS and `node16`. Before 5.8 the compiler refuses to `require` an ES
 * module (TS1479), which Node does since 20.19; such an app resolves as `bundler`.
 */
export const SETUPS: readonly Setup[] = [
  { language: 'ts-7', modules: 'esm', runner: 'vitest', resolution: 'bundler', decorators: 'tc39' },
  { language: 'ts-7', modules: 'cjs', runner: 'jest', resolution: 'node16', decorators: 'legacy' },
  { language: 'ts-5.4', modules: 'esm', runner: 'vitest', resolution: 'node16', decorators: 'tc39' },
  { language: 'ts-5.4', modules: 'cjs', runner: 'jest', resolution: 'bundler', decorators: 'legacy' },
  { language: 'js', modules: 'esm', runner: 'jest', resolution: 'none', decorators: 'tc39' },
  { language: 'js', modules: 'cjs', runner: 'vitest', resolution: 'none', decorators: 'tc39' },
  { language: 'js', modules: 'esm', runner: 'vitest', resolution: 'none', decorators: 'legacy' },
  { language: 'js', modules: 'cjs', runner: 'jest', resolution: 'none', decorators: 'legacy' },
]

/** A setup in words, which also names its folder: `ts-7-esm-vitest-bundler-tc39`. */
export function setupName(setup: Setup): string {
  return Object.values(setup).join('-')
}

/** Two values of different axes that no setup has together: `ts-7 + jest`. Those that mean nothing are left out. */
export function unmetPairs(setups: readonly Setup[]): string[] {
  const axes = Object.keys(AXES) as Axis[]
  const unmet: string[] = []
  for (const [at, one] of axes.entries()) {
    for (const other of axes.slice(at + 1)) {
      for (const first of AXES[one]) {
        for (const second of AXES[other]) {
          const typed = first !== 'js' && second !== 'none'
          const untyped = first === 'js' && second === 'none'
          if (other === 'resolution' && one === 'language' && !typed && !untyped) continue
          if (setups.some((setup) => setup[one] === first && setup[other] === second)) continue
          unmet.push(`${first} + ${second}`)
        }
      }
    }
  }
  return unmet
}
