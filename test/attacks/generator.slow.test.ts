/** The moduli that a party makes for itself, once at full size: safe primes alone take seconds, now and then a minute. */
import { test } from 'node:test'
import { CGGMP24_3072 } from '../../participant/base/level.ts'
import { expectGoodModuli } from './own-generator.ts'

test('#55 moduli of full size: distinct primes, far apart, those of N̂ safe', () => expectGoodModuli(CGGMP24_3072))
