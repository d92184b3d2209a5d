import { closest, distance } from 'fastest-levenshtein'

/** ` Did you mean "x"?` when one of the known names is near, else ''. */
export function didYouMean(name: string, known: readonly string[]): string {
  if (known.length === 0) return ''
  const nearest = closest(name, known)
  return distance(name.toLowerCase(), nearest.toLowerCase()) <= Math.max(2, Math.floor(name.length / 3))
    ? ` Did you mean "${nearest}"?`
    : ''
}
