/**
 * The three programs with full-size shares, one of them killed at a given message of a signing. Then it is started again,
 * and the next signing must work. Nothing on disk may have changed, and no nonce may occur twice.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { hashMessage, recoverAddress } from 'ethers'
import { CGGMP24_3072 as level } from '../../participant/base/level.ts'
import { viewed } from '../../participant/party/view.ts'
import { presignRounds } from '../../participant/protocols/presign/rounds.ts'
import { decode } from '../../participant/wire/codec.ts'
import { decodePacket } from '../../participant/wire/envelope.ts'
import { freePort } from '../../scripts/processes.ts'
import { linesOf, logLine, type Run, Workplace } from '../programs-testing.ts'
import { CrashProxy } from './crash-proxy.ts'

export type Victim = 'client' | 'service' | 'gateway'
export const VICTIMS: readonly Victim[] = ['client', 'service', 'gateway']

export interface Point {
  readonly victim: Victim
  readonly message: number
  readonly when: 'before' | 'after'
}

/** How the signing ended in which the victim died. */
export type Ended = 'signed' | 'killed' | 'gave up'

const DEADLINE_S = 60

export class Stage {
  readonly #place: Workplace
  readonly #proxy: CrashProxy
  readonly #url: string
  readonly #port: number
  readonly #files: ReadonlyMap<string, string>
  readonly #nonces: string[] = []
  #gateway: Run
  #service: Run
  #signatures = 0

  private constructor(place: Workplace, proxy: CrashProxy, url: string, port: number, gateway: Run, service: Run) {
    this.#place = place
    this.#proxy = proxy
    this.#url = url
    this.#port = port
    this.#gateway = gateway
    this.#service = service
    this.#files = this.#onDisk()
  }

  static async open(): Promise<Stage> {
    const place = new Workplace()
    await place.deal(['client', 'service'], 2, ['main'])
    const port = await freePort()
    const gateway = await place.startGateway(port)
    const proxy = new CrashProxy(port)
    const url = await proxy.start()
    const service = place.start('sign-service', ['--gateway', url])
    await logLine(service, 'serving')
    return new Stage(place, proxy, url, port, gateway, service)
  }

  async close(): Promise<void> {
    this.#place.close()
    await this.#proxy.stop()
  }

  /** A signing in which nobody dies; how many messages it took. */
  async sign(): Promise<number> {
    this.#proxy.disarm()
    const text = `signing ${this.#signatures++}`
    const { output, ended } = this.#start(text)
    assert.equal(await ended, 0, output.stderr)
    this.#check(text, output.stdout)
    return this.#proxy.count
  }

  /** Kills at the point, starts again what was killed, and signs. */
  async crash({ victim, message, when }: Point): Promise<Ended> {
    const text = `signing ${this.#signatures++}`
    let client: Run | undefined
    const kill = async (): Promise<void> => {
      const run = { client, service: this.#service, gateway: this.#gateway }[victim]
      assert.ok(run !== undefined)
      run.child.kill('SIGKILL')
      await run.ended
    }
    const struck = this.#proxy.arm({ message, when, kill })
    client = this.#start(text)
    const first = await Promise.race([struck.then(() => 'struck'), client.ended.then(() => 'ended')])
    // killing the client is both
    if (first === 'ended') assert.equal(client.child.signalCode, 'SIGKILL', `ended first: ${client.output.stderr}`)
    await struck
    this.#proxy.disarm()
    if (victim === 'gateway') this.#gateway = await this.#place.startGateway(this.#port)
    if (victim === 'service') {
      this.#service = this.#place.start('sign-service', ['--gateway', this.#url])
      await logLine(this.#service, 'serving')
    }
    // without the gateway it may still come to an end; without the service it can't
    if (victim === 'service') setTimeout(() => client.child.kill('SIGINT'), 1_500)
    const exitCode = await client.ended
    assert.doesNotMatch(client.output.stderr, /aborted because of/, 'an honest party was blamed')
    if (exitCode === 0) this.#check(text, client.output.stdout)
    await this.sign()
    assert.deepEqual(this.#onDisk(), this.#files, 'the files are as they were')
    for (const line of linesOf(this.#service.output.stdout)) {
      assert.ok(!('culprits' in line) || (line.culprits as readonly string[]).length === 0, JSON.stringify(line))
    }
    if (exitCode === 0) return 'signed'
    return exitCode === 'SIGKILL' ? 'killed' : 'gave up'
  }

  /** No nonce was used twice, in any signing that was begun here. How many there were. */
  checkNonces(): number {
    const rounds = presignRounds(level)
    const said = new Map<string, string>()
    const shares = new Map<string, string>()
    for (const raw of this.#proxy.packets) {
      const packet = decodePacket(raw)
      if (packet.kind !== 'clear') continue
      const { session, protocol, round, from, body } = packet.envelope
      if (protocol === 'meet') continue
      // one session, one message: nobody said anything twice in two ways
      const place = [Buffer.from(session).toString('hex'), protocol, round, from].join(' ')
      const hex = Buffer.from(body).toString('hex')
      assert.equal(said.get(place) ?? hex, hex, `two messages for ${place}`)
      said.set(place, hex)
      if (protocol !== 'presign' || (round !== '1' && round !== '2')) continue
      const nonce =
        round === '1'
          ? decode(viewed(rounds.one.codec), body).message.K.toString(16)
          : decode(viewed(rounds.two.codec), body).message.Gamma.toHex()
      assert.equal(shares.get(nonce) ?? place, place, 'a share of a nonce in two sessions')
      shares.set(nonce, place)
    }
    assert.equal(new Set(this.#nonces).size, this.#nonces.length, 'two signatures with one nonce')
    return shares.size
  }

  #start(text: string): Run {
    const args = ['sign', '--gateway', this.#url, '--account', 'main', '--message', text, '--json']
    return this.#place.start('cli', [...args, '--deadline', String(DEADLINE_S)])
  }

  #check(text: string, stdout: string): void {
    const signed = JSON.parse(stdout) as { address: string; digest: string; signature: string; r: string }
    assert.equal(signed.digest, hashMessage(text))
    assert.equal(recoverAddress(signed.digest, signed.signature), signed.address)
    this.#nonces.push(signed.r)
  }

  /** All but the record of what was signed, which grows. */
  #onDisk(): ReadonlyMap<string, string> {
    const names = readdirSync(this.#place.folder)
      .filter((name) => name !== 'audit')
      .sort()
    return new Map(names.map((name) => [name, readFileSync(this.#place.path(name), 'latin1')]))
  }
}
