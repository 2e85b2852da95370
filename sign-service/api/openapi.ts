/** The OpenAPI document, made from the table of routes. */
import { z } from 'zod'
import { ERROR_CODES, type ErrorCode, statusOf } from './errors.ts'
import { ROUTES, type Route } from './routes.ts'

const COMMON: readonly ErrorCode[] = ['INVALID_REQUEST', 'INTERNAL_ERROR', 'METHOD_NOT_ALLOWED', 'TOO_MANY_REQUESTS']
const WITH_RIGHT: readonly ErrorCode[] = ['UNAUTHORIZED', 'FORBIDDEN', 'UNAVAILABLE']
const WITH_BODY: readonly ErrorCode[] = ['BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE']

type Json = Readonly<Record<string, unknown>>

export function openApiDocument(version: string): Json {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const [name, route] of Object.entries(ROUTES)) {
    paths[route.path] = { ...paths[route.path], [route.method]: operation(name, route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'sign-service',
      version,
      description: 'A participant of threshold signing, for clients that can only do request and response.',
    },
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        mutualTLS: { type: 'mutualTLS' },
      },
      schemas: { Error: errorSchema() },
    },
  }
}

function operation(name: string, route: Route): Json {
  const parameters = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => ({
    name: parameter,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  return {
    operationId: name,
    summary: route.summary,
    ...(route.right === undefined ? { security: [] } : { security: [{ bearer: [] }, { mutualTLS: [] }] }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: { required: true, content: json(schemaOf(route.body)) } }),
    responses: responses(route),
  }
}

function responses(route: Route): Json {
  const codes = new Set([
    ...COMMON,
    ...(route.right === undefined ? [] : WITH_RIGHT),
    ...(route.body === undefined ? [] : WITH_BODY),
    ...route.errors,
  ])
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of codes) byStatus.set(statusOf(code), [...(byStatus.get(statusOf(code)) ?? []), code])
  const refused = [...byStatus].map(([status, names]) => [
    status,
    { description: names.join(', '), content: json({ $ref: '#/components/schemas/Error' }) },
  ])
  return { 200: { description: 'Done.', content: json(schemaOf(route.reply)) }, ...Object.fromEntries(refused) }
}

function errorSchema(): Json {
  return schemaOf(
    z.strictObject({
      requestId: z.string(),
      error: z.strictObject({
        code: z.enum(ERROR_CODES as [ErrorCode, ...ErrorCode[]]),
        message: z.string(),
        details: z.record(z.string(), z.unknown()),
      }),
    }),
  )
}

function json(schema: Json): Json {
  return { 'application/json': { schema } }
}

function schemaOf(schema: z.ZodObject): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema) as Record<string, unknown>
  return rest
}
