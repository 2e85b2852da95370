/**
 * How the statement and witness of every proof are written in a job. The tables are complete by type: a field that is
 * added to a proof doesn't compile until it has a format here.
 */
import { affG } from './aff-g.ts'
import { affGStar } from './aff-g-star.ts'
import { dec } from './dec.ts'
import { elog } from './elog.ts'
import { encElg } from './enc-elg.ts'
import { fac } from './fac.ts'
import {
  type Format,
  fields,
  integer,
  paillier,
  paillierSecret,
  pedersen,
  pedersenSecret,
  point,
  secretInteger,
} from './job-format.ts'
import { mod } from './mod.ts'
import type { PairProvable } from './pair.ts'
import { prm } from './prm.ts'
import { sch } from './sch.ts'
import type { Provable } from './sigma.ts'

export type AnyProof = Provable<unknown, unknown, unknown, string>
export type AnyPair = PairProvable<unknown, unknown, unknown, string>

export interface Entry {
  readonly proof: AnyProof
  readonly statement: Format<unknown>
  readonly witness: Format<unknown>
}

function entry<S extends object, W extends object, P>(
  proof: Provable<S, W, P, string>,
  statement: { readonly [F in keyof S]-?: Format<S[F]> },
  witness: { readonly [F in keyof W]-?: Format<W[F]> },
): Entry {
  return { proof: proof as AnyProof, statement: fields<S>(statement), witness: fields<W>(witness) } as Entry
}

const multiplied = { x: secretInteger, y: secretInteger, rho: secretInteger, rhoY: secretInteger }

const ENTRIES: readonly Entry[] = [
  entry(sch, { X: point }, { x: secretInteger }),
  entry(prm, { NHat: integer, s: integer, t: integer }, { setup: pedersenSecret }),
  entry(mod, { N: integer }, { key: paillierSecret }),
  entry(fac, { N0: integer, setup: pedersen }, { p: secretInteger, q: secretInteger }),
  entry(
    encElg,
    { N0: paillier, C: integer, A: point, B1: point, B2: point, setup: pedersen },
    { x: secretInteger, rho: secretInteger, b: secretInteger },
  ),
  entry(
    affG,
    { N0: paillier, N1: paillier, C: integer, D: integer, Y: integer, X: point, setup: pedersen },
    multiplied,
  ),
  entry(elog, { L: point, M: point, X: point, Y: point, h: point }, { y: secretInteger, lambda: secretInteger }),
  entry(affGStar, { N0: paillier, N1: paillier, C: integer, D: integer, Y: integer, X: point }, multiplied),
  entry(
    dec,
    { N0: paillier, K: integer, D: integer, X: point, S: point, h: point },
    { x: secretInteger, y: secretInteger, rho: secretInteger },
  ),
]

const BY_NAME: ReadonlyMap<string, Entry> = new Map(ENTRIES.map((e) => [e.proof.name, e]))

export function entryByName(name: string): Entry | undefined {
  return BY_NAME.get(name)
}
