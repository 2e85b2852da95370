/** The JSON of the gateway's answers, as JSON Schema 2020-12. Strict, so that a field that nobody documented is noticed. */

export type Schema = Readonly<Record<string, unknown>>

export const text = (description: string): Schema => ({ type: 'string', description })
export const whole = (description: string, minimum = 0): Schema => ({ type: 'integer', minimum, description })
const wholeOrNull = (description: string): Schema => ({ type: ['integer', 'null'], minimum: 0, description })

/** All properties are there, and no others. */
export function object(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', properties, required, additionalProperties: false }
}

export const EPOCH = text('Drawn when the room is made; with another one, ids start again')
const RIGHTS: Schema = {
  type: 'array',
  minItems: 1,
  items: { type: 'string', enum: ['subscribe', 'publish', 'index', 'state'] },
}

export const INDEX = object({ unique_idx: whole('1, 2, 3, …, never the same twice while the room lives', 1) })

export const ROOM = object({
  epoch: EPOCH,
  private: { type: 'boolean', description: 'Whether it opens with tokens of its own only' },
  subscribers: whole('Event streams of the room'),
  first_id: wholeOrNull('Id of the first message held; null in an empty room'),
  last_id: wholeOrNull('Id of the last message held; null in an empty room'),
  next_id: whole('Id that the next message gets'),
  messages: whole('Messages held'),
  bytes: whole('Bytes held'),
  age_seconds: whole('Since the room was made'),
})

export const CREATED = object({ epoch: EPOCH, token: text('The owner’s token, where the gateway makes tokens') }, [
  'token',
])

export const TOKEN_REQUEST = object(
  {
    rights: RIGHTS,
    expires_in_seconds: whole('As long as the owner’s token when absent', 1),
    index: whole('The only index that messages sent with this token may claim', 1),
  },
  ['expires_in_seconds', 'index'],
)

export const TOKEN = object({
  token: text('Sent as Authorization: Bearer'),
  expires_at: { type: 'string', format: 'date-time' },
  rights: RIGHTS,
})

export const HEALTH = object({
  status: { const: 'ok' },
  rooms: whole('Rooms in this process'),
  subscribers: whole('Event streams of this process'),
  uptime_seconds: whole('Since the start'),
})

export const LIVE = object({ status: { const: 'ok' } })

export const READINESS = object({
  status: { type: 'string', enum: ['ready', 'not ready'] },
  store: { type: 'string', enum: ['ok', 'unavailable', 'timeout'] },
  closing: { type: 'boolean', description: 'Whether the gateway has been told to stop' },
})

/** The body of a refusal with one of these codes. */
export function refusalBody(codes: readonly string[]): Schema {
  return object({
    error: object({
      code: { type: 'string', enum: codes },
      message: text('What was expected. For people; programs go by the code'),
    }),
  })
}
