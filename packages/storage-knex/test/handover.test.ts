import { describe, expect, it } from 'vitest'
import { Handover } from '../src/postgres/handover.ts'

/** Gives numbers for as long as they are wanted; answers how many it made. */
async function giveUpTo(handover: Handover<number>, most: number, made: number[]): Promise<void> {
  for (let i = 1; i <= most; i++) {
    made.push(i)
    if (!(await handover.give(i))) return
  }
  handover.end()
}

describe('Handover', () => {
  it('hands over everything in order, and makes none before the one before was used up', async () => {
    const handover = new Handover<number>()
    const made: number[] = []
    const giving = giveUpTo(handover, 5, made)
    const taken: number[] = []
    for await (const item of handover) {
      await new Promise(setImmediate)
      taken.push(item)
      expect(made).toEqual(taken)
    }
    await giving
    expect(taken).toEqual([1, 2, 3, 4, 5])
  })

  it('tells who gives when nobody takes any more', async () => {
    const handover = new Handover<number>()
    const made: number[] = []
    const giving = giveUpTo(handover, 5, made)
    for await (const item of handover) if (item === 2) break
    await giving
    expect(made).toEqual([1, 2])
    expect(await handover.give(9)).toBe(false)
  })

  it('passes on why there is no more, after what there was', async () => {
    const handover = new Handover<number>()
    const taken: number[] = []
    void handover.give(1).then(() => handover.end({ error: new Error('the server went away') }))
    const taking = (async () => {
      for await (const item of handover) taken.push(item)
    })()
    await expect(taking).rejects.toThrow('the server went away')
    expect(taken).toEqual([1])
  })
})
