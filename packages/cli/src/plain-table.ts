import Table from 'cli-table3'

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

const MAX_CELL = 60

/** A table without colours, ready to be read, piped and copied; long cells are cut. */
export function plainTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({ head: [...head], style: { head: [], border: [], compact: true } })
  for (const row of rows) table.push(row.map(cellOf))
  return `${table.toString()}\n`
}

function cellOf(text: string): string {
  return printable(text.length > MAX_CELL ? `${text.slice(0, MAX_CELL - 1)}…` : text)
}

/**
 * Text without what could move the cursor or turn the writing around: a path or a name was chosen by whoever sent the
 * request, and may not steer the operator's terminal.
 */
export function printable(text: string): string {
  return text.replace(CONTROL, '\ufffd')
}

/** One line of JSON, with the control characters escaped that JSON itself lets through. */
export function jsonLine(value: unknown): string {
  const json = JSON.stringify(value).replace(
    CONTROL,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `${json}\n`
}
