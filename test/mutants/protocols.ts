/**
 * Every check of the protocols. Left out are comparisons that only our own wrong arithmetic could fail (InternalError):
 * x·G with the public share in key generation, χ = 0 in presigning.
 */
import { type Mutant, mutants, type Row, type Tests } from './mutant.ts'

const IDENTIFY = 'participant/protocols/presign/identify.test.ts'
const STATEMENTS = 'participant/protocols/presign/statements.test.ts'
const SIGN = 'participant/protocols/sign/protocol.test.ts'
const COMMITMENTS = 'test/mutants/commitments.test.ts'

/** Rows of a table of attacks whose names match. */
const attacks = (table: string, only: string): Tests => ({ file: `test/attacks/${table}.test.ts`, only })
const IMPOSSIBLE: Tests = { file: 'test/protocols.test.ts', only: 'key generation refuses an impossible threshold' }
const OTHER_SIGNERS: Tests = { file: 'test/protocols.test.ts', only: 'other sets of signers are refused' }
/** A value in the place of `verified(`: nothing failed. */
const HOLDS = '(() => undefined)('
const LATER = '(async () => undefined)('

const each = (group: string, file: string, list: readonly (readonly [Row, string | Tests])[]): readonly Mutant[] =>
  list.flatMap(([row, tests]) => mutants(group, file, [tests], [row]))

const KEYGEN = 'participant/protocols/keygen/protocol.ts'
const KEYGEN_ROUNDS = 'participant/protocols/keygen/rounds.ts'

export const keygen: readonly Mutant[] = [
  ...each('keygen', KEYGEN_ROUNDS, [
    [['eq V', 'if (!equalBytes(V, commitTo(session, from, m)))'], attacks('keygen', 'other Feldman points')],
    [['length F', 'if (m.F.length !== threshold)'], attacks('keygen', 'Feldman point (more|less)')],
    [['eq sigma G', 'return ok ? undefined', 'return true ? undefined'], attacks('keygen', '#25 wrong sub-shares')],
    [['V has the session', "    .bytes('session', session)\n", ''], COMMITMENTS],
    [['V has the party', "    .text('party', id)\n", ''], attacks('keygen', 'the peer’s commitment')],
    [
      ['V has the opening', "    .bytes('opening', encode(openingCodec, opening))\n", ''],
      attacks('keygen', 'other Feldman points'),
    ],
  ]),
  ...each('keygen', KEYGEN_ROUNDS, [
    [['psi', 'return verified(judge, sch,', `return ${LATER}judge, sch,`], attacks('keygen', 'response of Π\\^sch')],
    [['psi is for what all contributed', 'return `psi $', 'return `psi` || `psi $'], COMMITMENTS],
  ]),
  ...each('keygen', KEYGEN, [
    [
      ['public key or share is the identity, the key', 'publicKey.is0() || ', ''],
      attacks('keygen', 'contributions that cancel give no key'),
    ],
    [
      ['public key or share is the identity, a share', ' || [...publicShares.values()].some((P) => P.is0())', ''],
      attacks('keygen', 'a share of zero is no share'),
    ],
    [['openings are checked', '=> checkOpening(', `=> ${HOLDS}`], attacks('keygen', 'other Feldman points')],
    [['sub-shares are checked', '=> checkSubShare(', `=> ${HOLDS}`], attacks('keygen', '#25 wrong sub-shares')],
    [['threshold', 'if (!Number.isInteger(threshold) || threshold < 2 || threshold > n)'], IMPOSSIBLE],
    [['all members take part', 'if (peers.length !== n - 1)'], IMPOSSIBLE],
  ]),
]

const AUX = 'participant/protocols/aux-info/protocol.ts'
const AUX_ROUNDS = 'participant/protocols/aux-info/rounds.ts'

export const aux: readonly Mutant[] = [
  ...each('aux-info', AUX_ROUNDS, [
    [
      ['eq V', 'if (!equalBytes(V, commitTo(level, session, from, m)))'],
      attacks('aux-info', 'another [NHstau]+ than committed'),
    ],
    [['size', 'if (bitLength(m[name]) !== level.modulusBits)'], attacks('sizes', 'N̂? a bit too')],
    [['odd', 'if ((m[name] & 1n) === 0n)'], attacks('sizes', 'an even N')],
    [['size and odd of N̂', "of ['N', 'NHat'] as const", "of ['N'] as const"], attacks('sizes', '(N̂ a bit|an even N̂)')],
    [
      ['size and odd of N', "of ['N', 'NHat'] as const", "of ['NHat'] as const"],
      attacks('sizes', '(N a bit|an even N:)'),
    ],
    [['N is NHat', 'if (m.N === m.NHat)'], attacks('sizes', 'N̂ = N:')],
    [['base s, t', 'return problem === undefined ?', 'return true ?'], attacks('bases', 's is 1:')],
    [['V has the session', "    .bytes('session', session)\n", ''], COMMITMENTS],
    [['V has the party', "    .text('party', id)\n", ''], COMMITMENTS],
    [
      ['V has the opening', "    .bytes('opening', encode(openingCodec(level), opening))\n", ''],
      attacks('aux-info', 'than committed to'),
    ],
  ]),
  ...each('aux-info', AUX_ROUNDS, [
    [
      ['psi-hat', 'return verified(judge, prm,', `return ${LATER}judge, prm,`],
      attacks('bases', '#5 an s that is no square'),
    ],
    [
      ['psi', 'return verified(judge, mod,', `return ${LATER}judge, mod,`],
      attacks('aux-info-proofs', '#9 no repetitions'),
    ],
    [
      ['phi', 'return verified(judge, fac,', `return ${LATER}judge, fac,`],
      attacks('aux-info-proofs', 'z1 above its range'),
    ],
    [['psi and phi are for what all contributed', 'return `$', 'return name || `$'], COMMITMENTS],
  ]),
  ...each('aux-info', AUX, [
    [['openings are checked', '=> checkOpening(', `=> ${HOLDS}`], attacks('sizes', '(N = 0|an even N):')],
    [['own moduli are checked', '=> checkAgainstMine(', `=> ${HOLDS}`], attacks('sizes', 'the peer’s N:')],
    [['a modulus of ours, N', 'own.includes(m.N) || ', ''], attacks('sizes', 'the peer’s N:')],
    [['a modulus of ours, NHat', ' || own.includes(m.NHat)', ''], attacks('sizes', 'the peer’s ring-Pedersen')],
    [
      ['a modulus of ours, our N̂ as theirs', 'const own = [mine.N, mine.NHat]', 'const own = [mine.N]'],
      attacks('sizes', 'the peer’s N̂ as N'),
    ],
    [['a modulus of two parties', 'if (repeats('], attacks('sizes', 'two peers with one modulus')],
  ]),
]

const PRESIGN = 'participant/protocols/presign/protocol.ts'

const PSI0 = "{ ...at, name: 'psi0', statement: claim.psi0(ctx, from, to, one), given: m.psi0 }"
const PSI1 = "{ ...at, name: 'psi1', statement: claim.psi1(ctx, from, to, one), given: m.psi1 }"
const PSI = "{ ...at, name: 'psi', statement: claim.psi(ctx, from, to, K, Gamma, m), given: m.psi }"
const PSI_HAT = "{ ...at, name: 'psi-hat', statement: claim.psiHat(ctx, from, to, K, m), given: m.psiHat }"

export const presign: readonly Mutant[] = [
  ...each('presign', 'participant/protocols/presign/checks.ts', [
    // one in the place of the other: that one is checked twice
    [['psi0', PSI0, PSI1], attacks('presign-round-1', '#(20 K = 0|17 ψ0 out of range):')],
    [['psi1', PSI1, PSI0], attacks('presign-round-1', '#(20 G = N|17 ψ1 out of range):')],
    [
      ['psi0 and psi1', 'return verifiedTwo(\n    judge,\n    encElg,', `return ${LATER}\n    judge,\n    encElg,`],
      attacks('presign-round-1', '#20 K = 0:'),
    ],
    [['psi', PSI, PSI_HAT], attacks('presign-round-2', '#20 D = 0:')],
    [['psi-hat', PSI_HAT, PSI], attacks('presign-round-2', '#20 DHat = 0:')],
    [
      ['psi and psi-hat', 'return verifiedTwo(\n    judge,\n    affG,', `return ${LATER}\n    judge,\n    affG,`],
      attacks('presign-round-2', '#20 D = 0:'),
    ],
    [
      ['psi-prime', "name: 'psi-prime' }\n  return verified(", `name: 'psi-prime' }\n  return ${LATER}`],
      attacks('presign-round-2', 'a wrong response of ψ′'),
    ],
    [
      [
        'psi-prime-prime',
        "name: 'psi-prime-prime' }\n  return verified(",
        `name: 'psi-prime-prime' }\n  return ${LATER}`,
      ],
      attacks('presign-round-3', 'a wrong response of ψ″'),
    ],
  ]),
  ...each('presign', PRESIGN, [
    [['Gamma is the identity', 'if (Gamma.is0())'], attacks('presign-round-3', 'so that Γ is the identity')],
    [['eq delta', 'if (!mulPublic(G, deltaSum)'], attacks('presign-round-3', '#39 another δ: DELTA')],
    [['eq chi', 'if (!mulPublic(ctx.publicKey, deltaSum)'], attacks('presign-round-3', '#40 another S: CHI')],
    [['delta is zero', 'if (deltaSum === 0n)'], attacks('presign-round-3', 'so that δ is zero')],
    [['two name each other', 'if (peers.length === 1)'], 'participant/protocols/presign/protocol.test.ts'],
    [['three sound the alarm', 'abortOn(await identify('], { file: IDENTIFY, only: '^another δ, proven' }],
    [['the parties of the session', 'requireSession(party, signers)'], OTHER_SIGNERS],
  ]),
  ...each('presign', 'participant/protocols/presign/statements.ts', [
    [['as many signers as the threshold', 'signers.length !== threshold || ', ''], STATEMENTS],
    [['distinct members', 'order.length !== threshold || ', ''], STATEMENTS],
    [['roster order', ' || order.some((id, i) => id !== signers[i])', ''], STATEMENTS],
    [['shares sum to the public key', 'if (!sum([...W.values()])'], STATEMENTS],
    [['nobody less in the session', 'signers.length !== present.length || ', ''], STATEMENTS],
    [['nobody else in the session', ' || present.some((id) => !signers.includes(id))', ''], STATEMENTS],
  ]),
]

const alarm = (only: string): Tests => ({ file: IDENTIFY, only })

export const identify: readonly Mutant[] = each('identify', 'participant/protocols/presign/identify.ts', [
  [['shown: length', 'if (products.length !== senders.length)'], alarm('^shows (nothing|one message)')],
  [['shown: envelope', 'if (e === undefined)', 'if (e === undefined) continue; if (false)'], alarm('^shows garbage')],
  [['shown: session', '!equalBytes(e.session, session) || ', ''], alarm('^shows another session')],
  [['shown: protocol', 'e.protocol !== protocol || ', ''], alarm('^shows another protocol')],
  [['shown: round', ' || e.round !== twoProducts.name', ''], alarm('^shows another round')],
  [['shown: sender', 'e.from !== from || ', ''], alarm('^shows one message twice|^a lie in the alarm alone')],
  [['shown: recipient', ' || e.to !== to', ''], alarm('^shows what was for another')],
  [['shown: signature', 'if (!verifyEnvelope('], alarm('^shows (a changed body|what it signed)')],
  [
    ['shown: body', 'if (body === undefined)', 'if (body === undefined) continue; if (false)'],
    alarm('^shows what would'),
  ],
  [['psi-star', 'if (failed !== undefined)'], alarm('^Π\\^aff-g\\*, another response')],
  [['psi-dec', 'if (failed === undefined) continue', 'continue'], alarm('^Π\\^dec, another response')],
  [
    ['only ciphertexts are added', 'N.isCiphertext(term.D) && N.isCiphertext(term.F) ?', 'true ?'],
    alarm('no ciphertext'),
  ],
  [['no sum without all terms', 'if (terms.length !== others(from).length) continue'], alarm('^shows')],
])

export const signing: readonly Mutant[] = each('sign', 'participant/protocols/sign/protocol.ts', [
  [['the parties of the presignature', 'requireSession(party, presignature.signers)'], SIGN],
  [['partial signatures are checked', '=> checkPartial(', `=> ${HOLDS}`], attacks('sign', '#41 a random σ')],
  [['eq sigma Gamma', 'return mulPublic(p.Gamma, sigma).equals(expected) ?', 'return true ?'], SIGN],
  [['used once', 'if (used.has(p.kTilde))'], SIGN],
  [['used up by signing', 'used.add(p.kTilde)'], SIGN],
  [['low s', 'const high = sum > Q / 2n', 'const high = false'], SIGN],
  [['the signature verifies', 'return verifies(p.publicKey, messageScalar(digest), r, s) ?', 'return true ?'], SIGN],
  [['digest of 32 bytes', 'if (digest.length !== 32)'], SIGN],
])

export const ecdsa: readonly Mutant[] = mutants(
  'ecdsa',
  'participant/math/ecdsa.ts',
  ['participant/math/ecdsa.test.ts'],
  [
    ['a key that is a point', 'X.is0() || ', ''],
    ['r above 0', 'r <= 0n || ', ''],
    ['s above 0', 's <= 0n || ', ''],
    ['low s', ' || s > Q / 2n', ''],
    ['the x-coordinate', 'return modQ(R.toAffine().x) === r', 'return true'],
  ],
)
