/** The token file of a participant: read for each request, and what is refused. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openTokenFile } from './token-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'token-file-'))
after(() => rmSync(folder, { recursive: true }))
const path = join(folder, 'token')
const put = (content: string): void => writeFileSync(path, content, { mode: 0o600 })

test('each request has the token that is in the file then', async () => {
  assert.equal(await openTokenFile(undefined, () => {}), undefined)
  put('first\n')
  const problems: string[] = []
  const headers = await openTokenFile(path, (problem) => problems.push(problem))
  assert.deepEqual(await headers?.(), { authorization: 'Bearer first' })
  writeFileSync(`${path}.new`, ' second.x_y-z~+/== ', { mode: 0o600 })
  renameSync(`${path}.new`, path)
  assert.deepEqual(await headers?.(), { authorization: 'Bearer second.x_y-z~+/==' })
  rmSync(path)
  await assert.rejects(headers?.() ?? Promise.resolve(), /no such file/)
  assert.deepEqual(problems, [`gateway.token_file: ${path}: no such file`])
  put('third')
  assert.deepEqual(await headers?.(), { authorization: 'Bearer third' })
})

test('what is no token, or can be read by others, is refused at the start, without its content', async () => {
  for (const content of [
    '',
    '\n',
    'two tokens',
    'a\nb',
    'a\r\nX-Header: b',
    'ä',
    'Bearer a',
    '"a"',
    'a'.repeat(9_000),
  ]) {
    put(content)
    await assert.rejects(
      openTokenFile(path, () => {}),
      (error: Error) => {
        assert.match(
          error.message,
          /^gateway\.token_file: \S+: expected (one token and nothing else|at most 8192 bytes)$/,
        )
        return true
      },
    )
  }
  put('secret')
  chmodSync(path, 0o640)
  await assert.rejects(
    openTokenFile(path, () => {}),
    /only its owner can read; mode is 0640, use chmod 600$/,
  )
  await assert.rejects(
    openTokenFile(folder, () => {}),
    /expected a regular file$/,
  )
})
