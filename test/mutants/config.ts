/** What a configuration must be, and what the service signs. */
import { type Mutant, mutants } from './mutant.ts'

const LOAD = 'config/load.test.ts'

export const config: readonly Mutant[] = [
  ...mutants(
    'config/schema',
    'config/schema.ts',
    [LOAD],
    [
      ['threshold', 'if (threshold > total_participants) {', 'if (false) {'],
      ['index', 'if (value.server.index !== undefined && value.server.index >= total_participants) {', 'if (false) {'],
    ],
  ),
  ...mutants(
    'config/load',
    'config/load.ts',
    [LOAD],
    [
      ['unknown flags', 'if (!program.keys.get(section)?.has(key))'],
      ['a named file', "if (code === 'ENOENT' && !required) return {}", "if (code === 'ENOENT') return {}"],
      ['the default file may be absent', "if (code === 'ENOENT' && !required) return {}"],
      ['size of a file', 'if (source.length > MAX_FILE_BYTES)'],
      ['YAML', 'if (problem !== undefined) {', 'if (false) {'],
      ['aliases', 'maxAliasCount: 10', 'maxAliasCount: -1'],
      ['sections', 'if (!isTree(value)) throw'],
      ['sections of comments', '.filter(([, section]) => section !== null)', ''],
      ['variables that differ', 'if (first !== undefined && second !== undefined && first.value !== second.value)'],
      ['empty variables', "value === undefined || value === '' ?", 'value === undefined ?'],
      ['flags before variables', 'if (flags[path] !== undefined) put('],
      ['variables before the file', 'if (variable !== undefined) put('],
      ['names are printable', ".replace(/\\p{C}/gu, '?')", ''],
    ],
  ),
  ...mutants(
    'config/fields',
    'config/fields.ts',
    [LOAD],
    [
      ['smallest number', '.min(min, { error })', ''],
      ['largest number', '.max(max, { error })', ''],
      ['whole numbers', '.int({ error })', ''],
      ['no control characters', '.refine((value) => !/\\p{Cc}/u.test(value), { error })', ''],
      ['gateway address', '.refine(isGatewayUrl, { error })', ''],
      ['no user or password', "url.username === '' && url.password === ''", 'true'],
      ['http or https', '!/^https?:\\/\\//i.test(value) || ', ''],
      ['no query or fragment', '/[\\s\\\\?#]/.test(value) || ', ''],
      ['no slash at the end', ".overwrite((value) => value.replace(/\\/+$/, ''))", ''],
      ['origins', '.refine(isOrigin, { error })', ''],
    ],
  ),
  ...mutants(
    'config/same-parties',
    'config/same-parties.ts',
    ['config/same-parties.test.ts'],
    [
      ['threshold', 'if (threshold !== mpc.threshold)'],
      ['parties', 'if (members.length !== mpc.total_participants) {', 'if (false) {'],
      ['index', 'if (server.index !== undefined && server.index !== index)'],
      ['an index that is given', 'server.index !== undefined && ', ''],
    ],
  ),
  ...mutants(
    'sign-service/policy',
    'sign-service/policy.ts',
    ['sign-service/policy.test.ts'],
    [
      ['accounts', 'served === undefined || served.has(account)', 'true'],
      ['accounts of presignatures', 'decide, decidePresign, close', 'decide, decidePresign: () => undefined, close'],
      ['all accounts without a list', 'served === undefined || served.has(account)', 'served?.has(account)'],
      ['a rule with permits needs their key', 'if (wanting !== undefined && permit_key_file === undefined)'],
      [
        'accounts besides the rules',
        'served.decidePresign(request) ?? byRules.decide(request)',
        'byRules.decide(request)',
      ],
      ['bare digests', "if (request.payload.kind === 'digest' && !policy.allow_raw_digest) {", 'if (false) {'],
      ['bare digests where they are allowed', ' && !policy.allow_raw_digest', ''],
      ['everything else is signed', "request.payload.kind === 'digest' && ", ''],
    ],
  ),
]
