/**
 * The answer, or a failure where there is none in time; what was asked goes on all the same.
 *
 * @param who is said not to have answered
 */
export function inTime<T>(ms: number, who: string, answer: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const late = (): void => reject(new Error(`${who} did not answer within ${ms} ms.`))
    // Where this process was busy for so long, the answer has come and was not read yet: that is done before it is late.
    const timer = setTimeout(() => setImmediate(late), ms)
    answer.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
