/**
 * The OpenAPI 3.1 document of this gateway, with its limits, made from the table in routes.ts. Refusals of one status are
 * one response: the schema lists their codes, and there is an example of each with the text it comes with.
 */
import type { GatewayConfig } from '../../config/schema.ts'
import { VERSION } from '../../config/version.ts'
import type { Refusal } from '../refusal.ts'
import { ELSEWHERE, EVERYWHERE, type Route, routes, type Success } from './routes.ts'
import { refusalBody, type Schema, text } from './schemas.ts'

type Json = Readonly<Record<string, unknown>>

const REQUEST_ID: Json = { description: 'The request in the gateway’s log', schema: { type: 'string' } }
const ROOM_ID = (maxLength: number): Json => ({
  in: 'path',
  name: 'id',
  required: true,
  description:
    'Visible characters without space and slash, percent-encoded once. Any room that is used comes into being',
  schema: { type: 'string', minLength: 1, maxLength },
})

/** Codes of all refusals in the document. */
export function refusalCodes(config: Pick<GatewayConfig, 'limits'>): readonly string[] {
  const all = [...EVERYWHERE, ...ELSEWHERE, ...routes(config).flatMap((route) => route.refusals)]
  return [...new Set(all.map(({ code }) => code))]
}

export function openApiDocument(config: Pick<GatewayConfig, 'limits' | 'auth'>): Json {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes(config)) {
    const item = paths[route.path] ?? {}
    item[route.method] = operation(route, config)
    paths[route.path] = item
  }
  for (const [path, item] of Object.entries(paths)) {
    if (path.includes('{id}')) item['parameters'] = [ROOM_ID(config.limits.room_id_length)]
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'sign-gateway',
      version: VERSION,
      description:
        'Rooms in which participants exchange sealed, signed envelopes. Every refusal is `{"error": {"code", "message"}}`; ' +
        'codes are stable. Other methods on these paths get `method_not_allowed`, other paths `not_found`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        basic: { type: 'http', scheme: 'basic', description: 'The token as password; the name does not matter' },
      },
      responses: Object.fromEntries(ELSEWHERE.map((refusal) => [refusal.code, refusalAnswer([refusal])])),
    },
  }
}

function operation(route: Route, config: Pick<GatewayConfig, 'limits' | 'auth'>): Json {
  const { name, summary, description, token, parameters, body } = route
  return {
    operationId: name,
    summary,
    ...(description !== undefined && { description }),
    ...(token !== undefined && { security: security(token, config.auth.mode === 'open') }),
    ...(parameters !== undefined && { parameters }),
    ...(body !== undefined && {
      requestBody: {
        description: body.description,
        required: body.required,
        content: { [body.type]: { schema: body.schema } },
      },
    }),
    responses: responses(route.answers, [...route.refusals, ...EVERYWHERE]),
  }
}

/** In open mode the empty alternative comes first: nothing is needed but for private rooms. */
function security(token: 'bearer' | 'status', isOpen: boolean): readonly Json[] {
  const needed = token === 'status' ? [{ bearer: [] }, { basic: [] }] : [{ bearer: [] }]
  return isOpen ? [{}, ...needed] : needed
}

function responses(answers: readonly Success[], refused: readonly Refusal[]): Json {
  const byStatus = new Map<number, Refusal[]>()
  for (const refusal of refused) byStatus.set(refusal.status, [...(byStatus.get(refusal.status) ?? []), refusal])
  return Object.fromEntries([
    ...answers.map((answer) => [String(answer.status), successAnswer(answer)]),
    ...[...byStatus].map(([status, some]) => [String(status), refusalAnswer(some)]),
  ])
}

function successAnswer({ description, type, schema, headers }: Success): Json {
  return {
    description,
    ...(headers !== undefined && { headers: headersOf(headers) }),
    ...(type !== undefined && { content: { [type]: { schema: schema ?? {} } } }),
  }
}

function refusalAnswer(refused: readonly Refusal[]): Json {
  const codes = [...new Set(refused.map(({ code }) => code))]
  const names = [...new Set(refused.flatMap(({ headers = {} }) => Object.keys(headers)))]
  const examples = refused.map(({ code, message }) => [code, { value: { error: { code, message } } }])
  return {
    description: codes.join(', '),
    headers: {
      'Request-ID': REQUEST_ID,
      ...headersOf(Object.fromEntries(names.map((name) => [name, HEADERS[name] ?? name]))),
    },
    content: { 'application/json': { schema: refusalBody(codes), examples: Object.fromEntries(examples) } },
  }
}

const HEADERS: Readonly<Record<string, string>> = {
  'retry-after': 'Seconds after which trying again makes sense',
  'www-authenticate': 'What kind of token is expected',
  allow: 'Methods that this path takes',
}

function headersOf(headers: Readonly<Record<string, string>>): Json {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [name, { schema: text(description) satisfies Schema }]),
  )
}
