/** Fifty hostile requests of each kind to the HTTP interface; a thousand are in the slow test. */
import { test } from 'node:test'
import { hostileScenario } from './scenario.ts'

test('none of them signs, ends the process or learns anything', { timeout: 240_000 }, () => hostileScenario(50))
