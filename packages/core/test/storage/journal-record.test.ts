import fc from 'fast-check'
import { expect, it } from 'vitest'
import { batchLines, encodeBatch } from '../../src/storage/journal-record.ts'

it('a batch is a JSON array of its records, and gives each back as it was written', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ id: fc.string(), events: fc.array(fc.string()) })), (records) => {
      const lines = Object.freeze(records.map((record) => JSON.stringify(record)))
      const body = encodeBatch(lines)
      expect(JSON.parse(body)).toEqual(records)
      expect(batchLines(body)).toEqual(lines)
    }),
  )
})
