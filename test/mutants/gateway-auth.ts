/** Who may do what at the gateway: every refusal, what a token is checked for, TLS, and renewing tokens. */
import { type Mutant, mutants, type Tests } from './mutant.ts'

const JWT = 'gateway/auth/jwt.test.ts'
const AUTHORIZE = 'gateway/auth/authorize.test.ts'
const DENIALS = 'gateway/auth/denials.test.ts'
const http = (only: string): Tests => ({ file: 'gateway/auth/http.test.ts', only })
const tls = (only: string): Tests => ({ file: 'gateway/tls.test.ts', only })

export const gatewayAuth: readonly Mutant[] = [
  ...mutants(
    'gateway/auth/bearer',
    'gateway/auth/bearer.ts',
    ['gateway/auth/bearer.test.ts'],
    [
      ['a token in the address', 'if (hasTokenInUrl(url)) return'],
      ['upper and lower case', 'name.trim().toLowerCase()', 'name.trim()'],
      ['spaces around its name', 'name.trim().toLowerCase()', 'name.toLowerCase()'],
      ['one header', 'count === 1 && ', ''],
      ['length', ' && value.length <= MAX_TOKEN_LENGTH', ''],
      ['a header that is no token', 'return token === undefined ?', 'return false ?'],
    ],
  ),
  ...mutants(
    'gateway/auth/jwt',
    'gateway/auth/jwt.ts',
    [JWT],
    [
      ['algorithms', '      algorithms: [...o.algorithms],\n', ''],
      ['issuer', '      issuer: o.issuer,\n', ''],
      ['audience', '      audience: o.audience,\n', ''],
      ['an end', "requiredClaims: ['exp', 'iss', 'aud']", "requiredClaims: ['iss', 'aud']"],
      ['tolerance at the beginning', 'clockTolerance: o.toleranceSeconds', 'clockTolerance: 0'],
      ['no tolerance at the end', 'if (exp <= nowSeconds) return'],
      ['lifetime', 'lifetimeSeconds > o.maxLifetimeSeconds || ', ''],
      ['lifetime from iat', 'Math.min(iat ?? nowSeconds, nowSeconds)', 'nowSeconds'],
      ['no life from the future', 'Math.min(iat ?? nowSeconds, nowSeconds)', '(iat ?? nowSeconds)'],
      ['too early', 'return error.claim', 'return false && error.claim'],
    ],
  ),
  ...mutants(
    'gateway/auth/jwt',
    'gateway/auth/jwt.ts',
    ['gateway/auth/keys.test.ts'],
    [
      [
        'keys that are not there',
        'if (error instanceof KeysUnavailable || error instanceof errors.JWKSInvalid) return',
      ],
    ],
  ),
  ...mutants(
    'config/edge/keys',
    'config/edge/keys.ts',
    ['gateway/auth/keys.test.ts', JWT],
    [
      ['not followed', "{ ...options, redirect: 'manual' }", "{ ...options, redirect: 'follow' }"],
      ['status', 'if (response.status !== 200) throw'],
      ['size', 'if (length <= MAX_SET_BYTES) continue', 'continue'],
      ['a pause after a failure', 'if (performance.now() - failedAtMs < PAUSE_MS) throw'],
      ['public keys only', "if (keys.some(({ d, kty }) => d !== undefined || kty === 'oct')) throw"],
      ['secrets only', "if (!keys.every(({ kty }) => kty === 'oct')) throw"],
      ['length of secrets', 'if (!keys.every((each) => secretOf(each).length >= shortest)) throw'],
      ['who may read secrets', 'maxBytes: MAX_SET_BYTES, secret }', 'maxBytes: MAX_SET_BYTES, secret: false }'],
      ['key id of a secret', '(kid === undefined || key.kid === kid) && ', ''],
    ],
  ),
  ...mutants(
    'gateway/auth/static-tokens',
    'gateway/auth/static-tokens.ts',
    ['gateway/auth/static-tokens.test.ts'],
    [
      ['hash', 'if (timingSafeEqual(entry.hash, hash)) found', 'found'],
      ['nobody', 'if (found === undefined) return'],
      ['end', 'if (found.expiresAtMs !== undefined && nowMs >= found.expiresAtMs) {', 'if (false) {'],
      ['each token once', 'if (hashes.size !== result.data.length) throw'],
      ['each name once', 'if (names.size !== result.data.length) throw'],
      ['YAML', 'if (document.errors.length > 0) throw'],
    ],
  ),
  ...mutants(
    'config/secret-file',
    'config/secret-file.ts',
    ['gateway/auth/static-tokens.test.ts', 'config/token-file.test.ts'],
    [
      ['regular', 'if (!stat.isFile()) throw'],
      ['who may read it', "if (secret && process.platform !== 'win32'", "if (false && process.platform !== 'win32'"],
      ['size', 'if (stat.size > maxBytes) throw'],
    ],
  ),
  ...mutants(
    'gateway/auth/rights',
    'gateway/auth/rights.ts',
    [AUTHORIZE],
    [
      ['right', 'rights.has(right) && ', ''],
      ['room', "(right === 'status' || matchesRoom(rooms, roomId))", 'true'],
      ['exact ids', ': roomId === pattern,', ': roomId.startsWith(pattern),'],
      ['operators of all rooms', " && rooms.includes('*')", ''],
      ['operators do not read', "(action === 'state' || action === 'remove') && ", ''],
    ],
  ),
  ...mutants(
    'gateway/auth/rights',
    'gateway/auth/rights.ts',
    [JWT],
    [['* at the end only', "!pattern.slice(0, -1).includes('*')", 'true']],
  ),
  ...mutants(
    'gateway/auth/authorize',
    'gateway/auth/authorize.ts',
    [AUTHORIZE],
    [
      [
        'address',
        'if (!bearer.ok) return deny(address, bearer.refusal)',
        'if (!bearer.ok) return anonymous(secrets(), address, action) as never',
      ],
      [
        'bad tokens',
        'if (!shown.ok) return { ...shown, caller: address }',
        'if (!shown.ok) return anonymous(secrets(), address, action) as never',
      ],
      ['nobody without a token', 'identify !== undefined || ', ''],
      [
        'nobody removes',
        "action === 'remove' || action === 'mint') {\n    return { ok: false",
        "action === 'mint') {\n    return { ok: false",
      ],
      ['rights', "if (action === 'mint' || !allows(identity, action, roomId)) return"],
      ['room of a room token', 'room !== roomId || ', ''],
      ['rights of a room token', ' || !roomTokenAllows(token, action)', ''],
      ['forgetting', 'forget: () => verified.expireAll()', 'forget: () => {}'],
      ['room tokens are apart', 'if (isRoomToken(token)) {', 'if (false) {'],
    ],
  ),
  ...mutants(
    'gateway/auth/denials',
    'gateway/auth/denials.ts',
    [DENIALS],
    [
      ['the limit of bad tokens', 'if (waitMs > 0) return', 'if (false) return'],
      ['a good one gives its place back', '() => buckets.giveBack(caller)', '() => {}'],
      ['429 in place of 401 and 403', 'place.ok ? refusal : place.refusal', 'refusal'],
    ],
  ),
  ...mutants(
    'gateway/auth/denials',
    'gateway/auth/authorize.ts',
    [DENIALS],
    [
      ['before a look', 'if (place?.ok === false) return place', ''],
      ['known ones are none', 'verified.wasGood(token, address) ? undefined : ', ''],
      ['our own fault is none', 'if (!isItsFault) place?.value()', 'if (!isItsFault) void 0'],
      ['ended ones are, after the first time', 'else if (place === undefined) verified.drop(token, address)', ''],
      ['401 and 403 count', 'refusal.status === 401 || refusal.status === 403', 'false'],
      ['by the name in the token', '(shown.identity.caller ?? address)', 'address'],
    ],
  ),
  ...mutants(
    'gateway/auth/denials',
    'gateway/auth/verified.ts',
    [DENIALS],
    [
      [
        'by address',
        'keyOf(token: string, address: string): string {',
        "keyOf(token: string, _: string): string {\n  const address = ''",
      ],
    ],
  ),
  ...mutants(
    'gateway/auth/verified',
    'gateway/auth/verified.ts',
    [AUTHORIZE],
    [
      ['not for ever', 'nowMs < kept.untilMs', 'true'],
      ['a minute', ', nowMs + KEEP_MS)', ', Number.POSITIVE_INFINITY)'],
      ['the end', 'Math.min(value.expiresAtMs ?? Number.POSITIVE_INFINITY, nowMs + KEEP_MS)', 'nowMs + KEEP_MS'],
    ],
  ),
  ...mutants(
    'gateway/auth/room-tokens',
    'gateway/auth/room-tokens.ts',
    [AUTHORIZE],
    [
      [
        'end',
        "requiredClaims: ['exp'],\n      currentDate: new Date(nowMs)",
        "requiredClaims: ['exp'],\n      currentDate: new Date(0)",
      ],
    ],
  ),
  ...mutants(
    'gateway/auth/mint-request',
    'gateway/auth/mint-request.ts',
    [http('^a minted token')],
    [
      ['longer than the owner', '        .max(maxSeconds, { error: SECONDS })\n', ''],
      [
        'rights',
        '.array(z.enum(MINTABLE, { error: RIGHTS }), { error: RIGHTS })',
        '.array(z.any(), { error: RIGHTS })',
      ],
      ['no rights', '        .min(1, { error: RIGHTS })\n', ''],
      ['other keys', 'z.strictObject(', 'z.looseObject('],
    ],
  ),
  ...mutants(
    'gateway/auth/secrets',
    'gateway/auth/secrets.ts',
    [AUTHORIZE],
    [['length of the secret of rooms', 'if (end < MIN_SECRET_BYTES)']],
  ),
  ...mutants(
    'gateway/routes/tokens',
    'gateway/routes/tokens.ts',
    [http('^(a minted token|tokens of an earlier room)')],
    [
      ['size', "if (body === 'too large') return"],
      ['a room that has gone', 'if (state.value === undefined) return'],
    ],
  ),
  ...mutants(
    'gateway/routes/broadcast',
    'gateway/routes/broadcast.ts',
    [http('^pitfall 25')],
    [['forged sender', 'if (granted.sender !== undefined && claimsOtherSender(body, granted.sender)) return']],
  ),
  ...mutants(
    'gateway/routes/subscribe',
    'gateway/routes/subscribe.ts',
    [http('^pitfall 24')],
    [
      [
        'the end of the token',
        'granted.expiresAtMs ?? Number.POSITIVE_INFINITY, lifeEndMs',
        'Number.POSITIVE_INFINITY, lifeEndMs',
      ],
    ],
  ),
  ...mutants(
    'gateway/tls',
    'gateway/tls.ts',
    [tls('^(older versions|with client_ca_file|files that can not|a renewed|closing ends|over HTTP/2)')],
    [
      ['oldest version', 'min_version } = tls', "min_version: _ } = tls\n  const min_version = '1' as '1.2'"],
      ['certificates of clients', 'requestCert: asksForCertificate,', 'requestCert: false,'],
      ['certificates of strangers', 'rejectUnauthorized: asksForCertificate,', 'rejectUnauthorized: false,'],
      ['the key of the certificate', 'if (!certificate.checkPrivateKey(privateKey)) {', 'if (false) {'],
      ['bodies that do not come', 'if (incoming.httpVersionMajor >= 2) limitBody(incoming, requestMs)', ''],
      ['renewed certificates', 'if (renewed !== undefined) server.setSecureContext(renewed)', ''],
      ['sessions are closed', '    connections.add(connection)\n', ''],
    ],
  ),
  ...mutants(
    'config/gateway-auth',
    'config/gateway-auth.ts',
    ['config/gateway-auth.test.ts'],
    [
      [
        'open on loopback only',
        "if (mode === 'open' && !isLoopback(server.host) && !auth.open_to_everyone) {",
        'if (false) {',
      ],
      ['names that only begin like it', '/^127(\\.\\d{1,3}){3}$/', '/^127(\\.\\d{1,3}){3}/'],
      ['a token file', "if (mode === 'token' && auth.token_file === undefined) {", 'if (false) {'],
      ['issuer and audience', 'if (auth[key] === undefined) problem('],
      ['one source of keys', 'if (isFile === (auth.jwks_url !== undefined)) {', 'if (false) {'],
      ['HMAC alone', 'if (hmac.length > 0 && hmac.length < auth.jwt_algorithms.length) {', 'if (false) {'],
      ['secrets are not fetched', 'if (hmac.length > 0 && auth.jwks_url !== undefined) {', 'if (false) {'],
      ['some algorithm', 'if (auth.jwt_algorithms.length === 0) problem('],
      ['keys of another mode', 'if (mode !== needs && auth[key] !== undefined) problem('],
      ['certificate and key', 'if ((tls.cert_file === undefined) !== (tls.key_file === undefined)) {', 'if (false) {'],
      ['https', '!/^https:\\/\\//i.test(value) || ', ''],
    ],
  ),
  ...mutants(
    'config/token-file',
    'config/token-file.ts',
    ['config/token-file.test.ts'],
    [
      ['one token', 'if (!TOKEN.test(token)) throw'],
      ['at the start', '  await readToken(path)\n  return async', '  return async'],
    ],
  ),
  ...mutants(
    'room/renewal',
    'participant/room/link.ts',
    ['participant/room/renewal.test.ts'],
    [
      ['401 is tried again', ' || (status === 401 && renews)', ''],
      ['where a token may come', '(status === 401 && renews)', 'status === 401'],
    ],
  ),
  ...mutants(
    'room/renewal',
    'participant/room/request.ts',
    ['participant/room/renewal.test.ts'],
    [['what was said at last', 'if (leftMs <= 0 && refused !== undefined) throw']],
  ),
  ...mutants(
    'signer/ceremony',
    'participant/signer/ceremony.ts',
    [{ file: 'test/key-gen-tokens.test.ts', only: 'and stay' }],
    [['the refusal of the gateway is told', '=> tellingRefusal(room, work)', '=> work()']],
  ),
]
