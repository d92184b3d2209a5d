/**
 * Compiles path patterns: an exact path (`/healthz`), or everything below one (`/public/*`). Case matters; a trailing
 * slash does not.
 */
export function compilePaths(patterns: readonly string[]): (path: string) => boolean {
  if (patterns.length === 0) return () => false
  const exact = new Set<string>()
  const prefixes: string[] = []
  for (const pattern of patterns) {
    if (pattern.endsWith('/*')) {
      prefixes.push(pattern.slice(0, -1))
      exact.add(trim(pattern.slice(0, -2)))
    } else exact.add(trim(pattern))
  }
  return (path) => exact.has(trim(path)) || prefixes.some((prefix) => path.startsWith(prefix))
}

function trim(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}
