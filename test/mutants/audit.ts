/** The record: every change and every gap is found, and nothing is confirmed or done before it is recorded. */
import { type Mutant, mutants } from './mutant.ts'

const AUDIT = 'config/audit/audit.test.ts'
const CLI = 'cli/audit.test.ts'
const AUDITED = 'sign-service/audited.test.ts'
const RELOADING = 'sign-service/reloading.test.ts'

export const audit: readonly Mutant[] = [
  ...mutants(
    'audit/chain',
    'config/audit/chain.ts',
    [AUDIT],
    [
      ['fields that are too long', 'if (fits(fields)) return fields', 'return fields'],
      ['fields that are too long even so', 'return fits(counted) ? counted : undefined', 'return counted'],
      ['lists', 'Array.isArray(value) ? `', 'false ? `'],
      ['linked', 'previous: head.hash, event', 'previous: START.hash, event'],
      ['numbered', 'const seq = head.seq + 1', 'const seq = 1'],
      ['a line', "if (found === null) return 'no line of an audit log'"],
      ['JSON', "catch {\n    return 'no line of an audit log'", 'catch (e) {\n    throw e'],
      ['its text', "if (digest(text) !== hash) return 'changed'"],
      ['its place', "if (facts.seq !== head.seq + 1) return 'out of order'"],
      [
        'what it is linked to',
        "return facts.previous === head.hash ? { seq: head.seq + 1, hash } : 'not linked to the line before'",
        'return { seq: head.seq + 1, hash }',
      ],
      ['last line: whole number', ' || !Number.isSafeInteger(seq)', ''],
      ['last line: from one', ' || seq < 1', ''],
      ['last line: what it is linked to', "if (typeof previous !== 'string' || !HASH.test(previous)) return undefined"],
      ['last line: a hash', ' || !HASH.test(previous)', ''],
      [
        'last line: its text',
        "return typeof next === 'string' ? undefined : next",
        "return typeof next === 'string' ? { seq, hash: previous } : next",
      ],
      ['head', 'return found === null ? undefined :', 'return'],
    ],
  ),
  ...mutants(
    'audit/verify',
    'config/audit/verify.ts',
    [AUDIT, CLI],
    [
      ['an expected head', 'o.expected ?? (await', '(await'],
      ['the head beside it', "(await keptHead(paths.at(-1) ?? ''))", 'undefined'],
      ['length of a line', "if (line.length > LINE_LIMIT) return 'no line of an audit log'"],
      [
        'each line',
        "if (typeof next === 'string') return { head",
        "if (typeof next === 'string') continue\n        if (false) return { head",
      ],
      ['the line that was expected', 'if (head.hash !== wanted.hash)'],
      ['lines at the end', 'const problem = seen', 'const problem = true'],
      ['an empty log', ' || wanted.seq <= head.seq', ''],
      [
        'a file that can’t be read',
        'catch (e) {\n      return { head, problem: `',
        'catch (e) {\n      if (false) return { head, problem: `',
      ],
      ['several files', 'for (const path of paths) {', 'for (const path of paths.slice(0, 1)) {'],
    ],
  ),
  ...mutants(
    'audit/writer',
    'config/audit/writer.ts',
    [AUDIT],
    [
      ['folder', 'recursive: true, mode: 0o700', 'recursive: true'],
      ['file', "open(path, 'a+', 0o600)", "open(path, 'a+')"],
      ['head file', 'constants.O_RDWR | constants.O_CREAT, 0o600', 'constants.O_RDWR | constants.O_CREAT'],
      ['lines that the head knows', 'known.seq > head.seq || ', ''],
      ['another line than the head knows', ' || (known.seq === head.seq && known.hash !== head.hash)', ''],
      ['synced', 'await file.datasync()', ''],
      [
        'the head after the lines',
        "writeAll(file, lines.join(''))\n        await file.datasync()\n        head = next",
        "head = next\n        writeAll(heads, formatHead(head), 0)\n        writeAll(file, lines.join(''))\n        await file.datasync()",
      ],
      ['confirmed when it is there', '        for (const w of batch) w.resolve()\n', ''],
      [
        'confirmed too early',
        "writeAll(file, lines.join(''))",
        "for (const w of batch) w.resolve()\n        writeAll(file, lines.join(''))",
      ],
      ['one head', 'writeAll(heads, formatHead(head), 0)', 'await heads.appendFile(formatHead(head))'],
      ['a failure: all that wait', 'for (const w of [...batch, ...waiting]) w.reject(failed)', ''],
      ['a failure: nothing later', 'if (failed !== undefined) return Promise.reject(failed)'],
      [
        'too much for a line',
        'if (fits === undefined) return Promise.reject(',
        'if (fits === undefined) return Promise.resolve(void ',
      ],
      [
        'a repair is recorded',
        "if (found.cutBytes > 0) await log.append('log repaired', { cutBytes: found.cutBytes })",
      ],
      ['what was cut off is taken off', 'if (cutBytes > 0) await file.truncate(size - cutBytes)'],
      ['a last line that is too long', 'if (cutBytes > 0 && end === 0 && size > LINE_LIMIT) throw'],
      [
        'the last line',
        'if (head === undefined) throw',
        'if (head === undefined) return { head: START, cutBytes }\n  if (false) throw',
      ],
    ],
  ),
  ...mutants(
    'sign-service/audited',
    'sign-service/audited.ts',
    [AUDITED],
    [
      ['without a record', 'if (audit === undefined) return policy', 'return policy'],
      ['decided', 'const refusal = await policy.decide(request)', 'const refusal = undefined as Refusal | undefined'],
      ['recorded before it counts', 'await audit.append(refusal', 'void audit.append(refusal'],
      ['what was decided', "refusal === undefined ? 'allowed' : 'refused'", "'allowed'"],
      ['why', '{ ...fields, code: refusal?.code }', 'fields'],
      ['who asked', 'currentCaller.getStore()?.name', 'undefined'],
      ['no record, no signature', 'return NO_RECORD', 'return refusal'],
      ['presignatures', 'decidePresign: (request) => policy.decidePresign(request)', 'decidePresign: () => undefined'],
      ['closing', 'close: () => policy.close()', 'close: async () => {}'],
      ['the end of signatures', "(event.at !== 'signed' && event.at !== 'failed')", '!("kind" in event)'],
      ['the end of presignatures', "if (kind === 'presign') return"],
      ['an end that was not recorded', "log.error('the end of a signature could not be recorded')", ''],
    ],
  ),
  ...mutants(
    'sign-service/reloading',
    'sign-service/reloading.ts',
    [RELOADING],
    [
      ['one after the other', 'running = running.then(() => reload(o))', 'void reload(o)'],
      ['the folder is let go', 'await close()', ''],
      [
        'all is read before',
        'const rules = await policy.reread(next)',
        'await service.reload({ keyShares: shares })\n    const rules = await policy.reread(next)',
      ],
      ['exchanged', 'await service.reload({ keyShares: shares, policy: rules })', ''],
      ['recorded', "await audit?.append('reloaded', { accounts: [...shares.keys()] })", ''],
      ['a failure is counted', 'service.notReloaded()', ''],
      ['errors of others', "e instanceof Error && 'code' in e ? e.message : 'unknown'", '(e as Error).message'],
      ['needs a restart', 'if (restart.length > 0)'],
      ['what is read anew', 'if (RELOADED.has(section)) continue'],
      ['what is the same', 'if (JSON.stringify(old?.[key]) !== JSON.stringify(now?.[key]))', 'if (true)'],
    ],
  ),
  ...mutants(
    'config/edge/ranges',
    'config/edge/ranges.ts',
    ['config/edge/ranges.test.ts'],
    [
      ['its kind', "version === 6 ? 'ipv6' : 'ipv4'", "'ipv4'"],
      ['addresses', 'if (prefix === undefined) list.addAddress(address, family)', 'if (prefix === undefined) continue'],
    ],
  ),
]
