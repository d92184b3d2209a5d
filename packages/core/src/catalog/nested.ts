import type { Json } from '../vocabulary.ts'
import { pathParts } from './dotted-path.ts'

interface Tree {
  [name: string]: Json | Tree
}

/** Dotted paths and their values as one nested object. A later path wins over an earlier one that it meets. */
export function nestPaths(paths: Iterable<readonly [path: string, value: Json]>): Readonly<Record<string, Json>> {
  const root: Tree = {}
  for (const [path, value] of paths) {
    const parts = pathParts(path)
    if (!parts) continue
    let node = root
    for (const part of parts.slice(0, -1)) {
      const next = Object.hasOwn(node, part) ? node[part] : undefined
      node = isTree(next) ? next : addTree(node, part)
    }
    node[parts.at(-1) as string] = isTree(value) ? structuredClone(value) : value
  }
  return root as Readonly<Record<string, Json>>
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function addTree(node: Tree, part: string): Tree {
  const tree: Tree = {}
  node[part] = tree
  return tree
}
