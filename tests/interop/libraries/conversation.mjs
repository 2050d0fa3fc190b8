// What a program says to the test that runs it, a line of JSON at a time, and what it is answered.
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

export async function ask(question) {
  process.stdout.write(JSON.stringify(question) + '\n')
  return JSON.parse((await lines.next()).value)
}

/** A person opens the URL and agrees; resolves to the URL that the client is sent back to. */
export const visit = async (url) => new URL((await ask({ open: String(url) })).back)

export function done(result) {
  process.stdout.write(JSON.stringify({ done: result }) + '\n')
  process.exit(0)
}
