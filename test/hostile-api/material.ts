/**
 * What hostile requests to a real service are made of: tokens that are wrong in one thing, and a permit that was used; its
 * owner, the caller `jwt:hostile`, has one signature with it.
 */
import { readFileSync } from 'node:fs'
import { generateKeyPair, type JWTPayload } from 'jose'
import { toBase64 } from '../../participant/base/bytes.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { Secret } from '../../participant/base/secret.ts'
import { batchCodec } from '../../participant/exchange/batch.ts'
import { connectExchange } from '../../participant/exchange/client.ts'
import { digestOf, type KeyShare, permitTag } from '../../participant/index.ts'
import { inboxRoom } from '../../participant/room/gateway.ts'
import { makeInvitation, meetingRoom, sealInvitation } from '../../participant/signer/invitation.ts'
import { openParticipant } from '../../participant/signer/participant.ts'
import { encode } from '../../participant/wire/codec.ts'
import type { Material } from './kinds.ts'

export interface MaterialOptions {
  readonly apiUrl: string
  readonly account: string
  readonly share: KeyShare
  readonly permitKey: Uint8Array
  /** A token of the issuer, good but for these claims. */
  sign(claims: JWTPayload): Promise<string>
  /** A token of somebody else. */
  signOther(claims: JWTPayload, alg: string, key: CryptoKey | Uint8Array): Promise<string>
}

export async function hostileMaterial(o: MaterialOptions): Promise<Material> {
  const { account, share } = o
  const nowSeconds = Math.floor(Date.now() / 1000)
  const good = await o.sign({ sub: 'hostile' })
  const claims = JSON.parse(Buffer.from(good.split('.')[1] ?? '', 'base64url').toString()) as JWTPayload
  const other = await generateKeyPair('ES256')
  const payload = { kind: 'eip191', message: new TextEncoder().encode('used once') } as const
  const requestId = `used-${Buffer.from(systemRandom.bytes(8)).toString('hex')}`
  const expires = nowSeconds + 3_000
  const tag = permitTag(new Secret(o.permitKey), { id: requestId, account, digest: digestOf(payload) }, expires)
  const authority = { requestId, permit: { expires, tag }, approvals: [] }

  // used as its owner would
  const headers = () => ({ authorization: `Bearer ${good}` })
  const gateway = connectExchange({ url: o.apiUrl, purpose: 'sign', start: { account }, headers })
  const client = openParticipant({ keyShares: new Map([[account, share]]), gateway })
  await client.sign({ account, payload, authority, deadlineMs: 60_000 })
  client.close()

  const signers = share.roster.members.map((m) => m.id)
  const peer = share.roster.members.find((m) => m.id !== share.identity.id)
  if (peer === undefined) throw new Error('expected a roster of two')
  return {
    account,
    bodyBytes: 4 * 1024 * 1024,
    good,
    expired: await o.sign({ sub: 'hostile', exp: nowSeconds - 60 }),
    wrongAudience: await o.sign({ sub: 'hostile', aud: 'somebody-else' }),
    wrongIssuer: await o.sign({ sub: 'hostile', iss: 'https://other.example' }),
    wrongKey: await o.signOther(claims, 'ES256', other.privateKey),
    wrongAlgorithm: await o.signOther(claims, 'HS256', new TextEncoder().encode('k'.repeat(32))),
    usedPermit() {
      const meeting = systemRandom.bytes(32)
      const ask = { kind: 'sign', payload } as const
      const invitation = makeInvitation(share, signers, ask, Date.now() + 20_000, authority)
      const packet = sealInvitation(share, meeting, peer.id, invitation, systemRandom)
      const packets = [{ room: inboxRoom(peer.verifyKey), packet }]
      return toBase64(encode(batchCodec, { listen: [meetingRoom(meeting)], packets }))
    },
  }
}

/** Requests of this caller that the service has allowed, by its record. */
export function allowedTo(caller: string, auditFile: string): number {
  const lines = readFileSync(auditFile, 'utf8').trim().split('\n')
  const entries = lines.map((line) => JSON.parse(line) as { readonly event: string; readonly caller?: string })
  return entries.filter((e) => e.event === 'allowed' && e.caller === caller).length
}
