/**
 * EIP-712: typed data as the JSON that wallets pass around, parsed and hashed by ourselves.
 *
 *   digest = keccak256(0x19 01 ‖ hashStruct(EIP712Domain, domain) ‖ hashStruct(primaryType, message))
 *
 * Strict, so that what is shown is what is signed: no field more or less than the type has, numbers that JSON can't hold
 * exactly only as strings, hex of exactly the size of its type. The domain's type, if it is given, must have the fields
 * that the domain has, in the order of the standard.
 */
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bigintToBytes, concatBytes, fromHex, fromUtf8, joinBytes, utf8ToBytes } from '../base/bytes.ts'
import { DecodeError } from '../base/errors.ts'

type Json = unknown
interface Field {
  readonly name: string
  readonly type: string
}
type Types = ReadonlyMap<string, readonly Field[]>
/** Of one document: each is made once, however many structs of that type there are. */
type TypeHashes = Map<string, Uint8Array>

export interface TypedData {
  readonly primaryType: string
  /** Of the domain, where it says so. */
  readonly chainId: bigint | undefined
  /** 20 bytes, where the domain says so. */
  readonly verifyingContract: Uint8Array | undefined
  /** The 32 bytes that are signed. */
  readonly digest: Uint8Array
}

const DOMAIN = 'EIP712Domain'
/** In the order of the standard. */
const DOMAIN_FIELDS: readonly Field[] = [
  { name: 'name', type: 'string' },
  { name: 'version', type: 'string' },
  { name: 'chainId', type: 'uint256' },
  { name: 'verifyingContract', type: 'address' },
  { name: 'salt', type: 'bytes32' },
]
const NAME = /^[A-Za-z_$][A-Za-z0-9_$]{0,127}$/
const ARRAY = /^(.+)\[([0-9]*)\]$/
/** Structs and arrays inside each other. */
const DEPTH_LIMIT = 32
/** Longest JSON in bytes: a hundred thousand hashes would hold up everything else. */
export const TYPED_DATA_LIMIT = 64 * 1024
const TYPES_LIMIT = 256

/** Throws DecodeError naming the field. */
export function parseTypedData(utf8: Uint8Array): TypedData {
  if (utf8.length > TYPED_DATA_LIMIT) throw new DecodeError(`typed data: expected at most ${TYPED_DATA_LIMIT} bytes`)
  const root = objectOf(parseJson(utf8), 'typed data')
  requireKeys(root, ['types', 'primaryType', 'domain', 'message'], 'typed data')
  const domain = objectOf(root['domain'], 'domain')
  const types = typesOf(root['types'], domain)
  const { primaryType } = root
  if (typeof primaryType !== 'string' || !types.has(primaryType) || primaryType === DOMAIN) {
    throw new DecodeError('typed data: primaryType: expected one of its types')
  }
  const at = { types, hashes: new Map() }
  const domainHash = hashStruct(at, DOMAIN, domain, 'domain', 0)
  const messageHash = hashStruct(at, primaryType, root['message'], 'message', 0)
  const chainId = domain['chainId'] === undefined ? undefined : integerOf(domain['chainId'], 'domain.chainId')
  const contract = domain['verifyingContract']
  return {
    primaryType,
    chainId,
    verifyingContract: contract === undefined ? undefined : hexOf(contract, 20, 'domain.verifyingContract'),
    digest: keccak_256(concatBytes(Uint8Array.of(0x19, 0x01), domainHash, messageHash)),
  }
}

function parseJson(utf8: Uint8Array): Json {
  try {
    return JSON.parse(fromUtf8(utf8)) as Json
  } catch {
    throw new DecodeError('typed data: expected JSON')
  }
}

function typesOf(value: Json, domain: Readonly<Record<string, Json>>): Types {
  const given = Object.entries(objectOf(value, 'types'))
  if (given.length > TYPES_LIMIT) throw new DecodeError(`types: expected at most ${TYPES_LIMIT}`)
  const types = new Map<string, readonly Field[]>()
  for (const [name, fields] of given) {
    if (!NAME.test(name) || isAtomic(name)) throw new DecodeError('types: expected names of structs')
    if (!Array.isArray(fields)) throw new DecodeError(`types.${name}: expected a list of fields`)
    const parsed = fields.map((f: Json) => fieldOf(f, `types.${name}`))
    if (new Set(parsed.map((f) => f.name)).size !== parsed.length) {
      throw new DecodeError(`types.${name}: expected each field once`)
    }
    types.set(name, parsed)
  }
  const own = DOMAIN_FIELDS.filter((f) => Object.hasOwn(domain, f.name))
  const said = types.get(DOMAIN) ?? own
  const text = (fields: readonly Field[]): string => JSON.stringify(fields.map((f) => [f.type, f.name]))
  if (text(said) !== text(own)) throw new DecodeError(`types.${DOMAIN}: expected the fields of the domain, in order`)
  types.set(DOMAIN, own)
  for (const [name, fields] of types) {
    for (const f of fields) {
      const base = baseOf(f.type)
      if (!isAtomic(base) && !types.has(base)) throw new DecodeError(`types.${name}.${f.name}: expected a known type`)
    }
  }
  return types
}

function fieldOf(value: Json, at: string): Field {
  const field = objectOf(value, at)
  requireKeys(field, ['name', 'type'], at)
  const { name, type } = field
  if (typeof name !== 'string' || !NAME.test(name)) throw new DecodeError(`${at}: expected fields with names`)
  if (typeof type !== 'string' || type.length > 256) throw new DecodeError(`${at}.${name}: expected a type`)
  return { name, type }
}

/** `Mail(Person from,Person to)Person(address wallet)`: itself, then what it refers to, by name. */
function encodeType(types: Types, name: string): string {
  const found = new Set<string>()
  const visit = (type: string): void => {
    if (found.has(type)) return
    found.add(type)
    for (const f of types.get(type) ?? []) if (types.has(baseOf(f.type))) visit(baseOf(f.type))
  }
  visit(name)
  found.delete(name)
  return [name, ...[...found].sort()]
    .map((type) => `${type}(${(types.get(type) ?? []).map((f) => `${f.type} ${f.name}`).join(',')})`)
    .join('')
}

function typeHash({ types, hashes }: Context, name: string): Uint8Array {
  const known = hashes.get(name) ?? keccak_256(utf8ToBytes(encodeType(types, name)))
  hashes.set(name, known)
  return known
}

interface Context {
  readonly types: Types
  readonly hashes: TypeHashes
}

function hashStruct(context: Context, name: string, value: Json, at: string, depth: number): Uint8Array {
  if (depth > DEPTH_LIMIT) throw new DecodeError(`typed data: expected at most ${DEPTH_LIMIT} levels`)
  const fields = context.types.get(name) ?? []
  const object = objectOf(value, at)
  requireKeys(
    object,
    fields.map((f) => f.name),
    at,
  )
  const encoded = fields.map((f) => encodeValue(context, f.type, object[f.name], `${at}.${f.name}`, depth + 1))
  return keccak_256(joinBytes([typeHash(context, name), ...encoded]))
}

/** 32 bytes. */
function encodeValue(context: Context, type: string, value: Json, at: string, depth: number): Uint8Array {
  if (depth > DEPTH_LIMIT) throw new DecodeError(`typed data: expected at most ${DEPTH_LIMIT} levels`)
  const [, item, size] = ARRAY.exec(type) ?? []
  if (item !== undefined) {
    if (!Array.isArray(value)) throw new DecodeError(`${at}: expected a list`)
    if (size !== '' && value.length !== Number(size)) throw new DecodeError(`${at}: expected ${size} items`)
    return keccak_256(joinBytes(value.map((v: Json, i) => encodeValue(context, item, v, `${at}[${i}]`, depth + 1))))
  }
  return context.types.has(type) ? hashStruct(context, type, value, at, depth) : encodeAtomic(type, value, at)
}

function encodeAtomic(type: string, value: Json, at: string): Uint8Array {
  if (type === 'string') {
    if (typeof value !== 'string' || /\p{Cs}/u.test(value)) throw new DecodeError(`${at}: expected well-formed text`)
    return keccak_256(utf8ToBytes(value))
  }
  if (type === 'bytes') return keccak_256(hexOf(value, undefined, at))
  if (type === 'bool') {
    if (typeof value !== 'boolean') throw new DecodeError(`${at}: expected true or false`)
    return bigintToBytes(value ? 1n : 0n, 32)
  }
  if (type === 'address') return concatBytes(new Uint8Array(12), hexOf(value, 20, at))
  const [, size] = /^bytes([0-9]+)$/.exec(type) ?? []
  if (size !== undefined) {
    const bytes = hexOf(value, Number(size), at)
    return concatBytes(bytes, new Uint8Array(32 - bytes.length))
  }
  const [, sign, bits] = /^(u?)int([0-9]+)$/.exec(type) ?? []
  const width = BigInt(bits ?? 0)
  const [min, max] = sign === 'u' ? [0n, 2n ** width] : [-(2n ** (width - 1n)), 2n ** (width - 1n)]
  const number = integerOf(value, at)
  if (number < min || number >= max) throw new DecodeError(`${at}: expected a number of type ${type}`)
  return bigintToBytes(number < 0n ? number + 2n ** 256n : number, 32)
}

function isAtomic(type: string): boolean {
  if (['string', 'bytes', 'bool', 'address'].includes(type)) return true
  const [, bytes] = /^bytes([1-9][0-9]?)$/.exec(type) ?? []
  if (bytes !== undefined) return Number(bytes) <= 32
  const [, bits] = /^u?int([1-9][0-9]{0,2})$/.exec(type) ?? []
  return bits !== undefined && Number(bits) % 8 === 0 && Number(bits) <= 256
}

function baseOf(type: string): string {
  const [, item] = ARRAY.exec(type) ?? []
  return item === undefined ? type : baseOf(item)
}

/** A number that JSON holds exactly, or decimal or 0x text. */
function integerOf(value: Json, at: string): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  if (typeof value === 'string' && /^(-?(0|[1-9][0-9]{0,77})|0x[0-9a-fA-F]{1,64})$/.test(value)) return BigInt(value)
  throw new DecodeError(`${at}: expected an integer; one that JSON can't hold exactly, as a string`)
}

function hexOf(value: Json, length: number | undefined, at: string): Uint8Array {
  const size = length === undefined ? '' : ` of ${length} bytes`
  if (typeof value !== 'string' || !/^0x([0-9a-fA-F]{2})*$/.test(value)) {
    throw new DecodeError(`${at}: expected 0x and hex digits${size}`)
  }
  const bytes = fromHex(value.slice(2).toLowerCase())
  if (length !== undefined && bytes.length !== length) throw new DecodeError(`${at}: expected 0x and hex digits${size}`)
  return bytes
}

function objectOf(value: Json, at: string): Readonly<Record<string, Json>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DecodeError(`${at}: expected an object`)
  }
  return value as Readonly<Record<string, Json>>
}

function requireKeys(object: Readonly<Record<string, Json>>, keys: readonly string[], at: string): void {
  if (Object.keys(object).length !== keys.length || keys.some((k) => !Object.hasOwn(object, k))) {
    throw new DecodeError(`${at}: expected exactly the fields of its type: ${keys.join(', ')}`)
  }
}
