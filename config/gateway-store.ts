/** The section of sign-gateway that says where rooms live: in its memory, or in a Redis that several gateways share. */
import { z } from 'zod'
import { oneOf, text } from './fields.ts'

export const storeSection = () =>
  z
    .strictObject({
      type: oneOf(['memory', 'redis']).default('memory'),
      redis_url: redisUrl().default('redis://127.0.0.1:6379'),
      redis_username: text('a user name', 255).optional(),
      redis_password_file: text('a file name').optional(),
      redis_ca_file: text('a file name').optional(),
      key_prefix: keyPrefix().default('sign-gateway:'),
    })
    .prefault({})

/** redis://host:port/database, or rediss:// for TLS; of a cluster, any node. Credentials in it would end up in logs and process lists. */
function redisUrl() {
  const form = 'expected redis://host:port or rediss://host:port, with a database number after it or nothing'
  const secret = 'expected an address without user and password: use redis_username and redis_password_file'
  return z.string({ error: form }).superRefine((value, context) => {
    if (!/^rediss?:\/\//.test(value) || /[\s\\]/.test(value) || !URL.canParse(value)) {
      context.addIssue({ code: 'custom', message: form })
      return
    }
    const { username, password, hostname, pathname, search, hash } = new URL(value)
    if (username !== '' || password !== '') context.addIssue({ code: 'custom', message: secret })
    else if (hostname === '' || !/^(\/\d{0,3})?$/.test(pathname) || search !== '' || hash !== '') {
      context.addIssue({ code: 'custom', message: form })
    }
  })
}

/** Braces would move the hash tag of a Redis Cluster from the room to the prefix. */
function keyPrefix() {
  const error = 'expected 1 to 64 letters, digits, and : . _ - characters'
  return z.string({ error }).regex(/^[\w:.-]{1,64}$/, { error })
}
