import { existsSync, lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { ThroughlineError } from '@throughline/core/storage'

/** As many as a file system follows. */
const MAX_LINKS = 40

/**
 * The file that a name stands for, whether or not it is there yet: a link may be made anew by the next deploy. A name
 * that can't be followed is left to the database to refuse.
 */
export function linkedFile(path: string, links = 0): string {
  if (links === MAX_LINKS || !isLink(path)) return path
  const target = readlinkSync(path)
  // Put together as it is: behind a link to a folder `..` leads elsewhere than its text says.
  const next = isAbsolute(target) ? target : `${realpathSync.native(dirname(path))}/${target}`
  return linkedFile(join(folderOf(next), basename(next)), links + 1)
}

/**
 * What is named after a file, beside the one that its name stands for.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` where it is beside the link instead, as an earlier release had it: to begin
 *   anew would leave it behind unseen
 */
export function besideLinked(path: string, ending: string): string {
  const place = `${linkedFile(path)}${ending}`
  const earlier = `${path}${ending}`
  if (existsSync(place) || !existsSync(earlier)) return place
  throw new ThroughlineError('OPTIONS_INVALID', {
    message: `"${earlier}" is beside a link, where an earlier release kept it: stop the app, and move it and what is named after it to "${place}".`,
  })
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink()
  } catch {
    return false
  }
}

function folderOf(path: string): string {
  try {
    return realpathSync.native(dirname(path))
  } catch {
    return resolve(dirname(path))
  }
}
