import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type FaultCode, InternalError } from '../base/errors.ts'
import { FAULT_CODES, faultCode } from './codes.ts'
import { instances } from './testing.ts'

/** What a check's name alone says; the exceptions are listed below. */
function expected(proof: string, check: string): FaultCode {
  const special = EXCEPTIONS.get(`${proof}: ${check}`)
  if (special !== undefined) return special
  const kind = check.split(' ')[0]
  if (kind === 'length') return 'PROOF_LEN'
  if (kind === 'size') return 'AUX_SIZE'
  if (proof === 'prm') return 'AUX_PRM'
  if (proof === 'mod') return 'AUX_MOD'
  if (proof === 'fac') return 'AUX_FAC'
  if (kind === 'range') return 'PROOF_RANGE'
  if (kind === 'group') return 'PROOF_GROUP'
  assert.equal(kind, 'eq')
  return 'PROOF_EQ'
}

const EXCEPTIONS = new Map<string, FaultCode>([
  ['prm: base s, t', 'AUX_RP_BASE'],
  ['mod: w', 'AUX_MOD_W'],
  ['mod: prime N', 'AUX_MOD_PRIME'],
  ['fac: group s, t', 'AUX_RP_BASE'],
  ['enc-elg: group s, t', 'AUX_RP_BASE'],
  ['aff-g: group s, t', 'AUX_RP_BASE'],
  ['enc-elg: group C', 'CIPHER_GROUP'],
  ['aff-g: group C', 'CIPHER_GROUP'],
  ['aff-g: group D', 'CIPHER_GROUP'],
  ['aff-g: group Y', 'CIPHER_GROUP'],
  ['aff-g*: group C', 'CIPHER_GROUP'],
  ['aff-g*: group D', 'CIPHER_GROUP'],
  ['aff-g*: group Y', 'CIPHER_GROUP'],
  ['dec: group K', 'CIPHER_GROUP'],
  ['dec: group D', 'CIPHER_GROUP'],
])

describe('faultCode', () => {
  it('knows every proof', () => {
    const names = Object.values(instances('insecure-test')).map(({ proof }) => proof.name)
    assert.deepEqual(Object.keys(FAULT_CODES).sort(), names.sort())
  })
  for (const [proof, codes] of Object.entries(FAULT_CODES)) {
    it(`has the code of every check of Π^${proof}`, () => {
      for (const check of Object.keys(codes)) assert.equal(faultCode(proof, check), expected(proof, check), check)
    })
  }
  it('refuses what no proof gives', () => {
    for (const [proof, check] of [
      ['sch', 'eq Y'],
      ['enc', 'eq C'],
      ['sch', 'toString'],
      ['constructor', 'name'],
      ['', ''],
    ] as const) {
      assert.throws(() => faultCode(proof, check), InternalError)
    }
  })
})
