/** A thousand hostile requests of each kind to the HTTP interface. */
import { test } from 'node:test'
import { hostileScenario } from './scenario.ts'

test('none of them signs, ends the process or learns anything', { timeout: 3_600_000 }, () => hostileScenario(1_000))
