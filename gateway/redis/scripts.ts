/**
 * What happens inside Redis, each as one script that nothing can come between: Redis runs one at a time, and writes all
 * or nothing of it to its append-only file. How messages get in: publish-script.ts.
 */
import { ONE_ROOM } from './room-steps.ts'
import { script } from './script.ts'

export const INDEX = script(`${ONE_ROOM}
local problem = open()
if problem then return { problem } end
touch()
return { 'ok', redis.call('HINCRBY', ROOM, 'index', 1) }
`)

/** Makes a private room. What is left of one that was lost in part is no room. */
export const CREATE = script(`${ONE_ROOM}
if find() == 'here' then return { 'exists' } end
if fresh == '' then return { 'absent' } end
make(true)
return { 'ok', room.epoch }
`)

/**
 * A part of the log. ARGV 7 …: first id wanted, epoch and next id that the caller knows ('' and 0: none), instance, most
 * bytes. The answer is at least one message unless there is none; entries are id, ms left or '', body.
 */
export const READ = script(`${ONE_ROOM}
local from, instance, maxBytes = tonumber(ARGV[7]), ARGV[10], tonumber(ARGV[11])
knownEpoch, knownNext = ARGV[8], tonumber(ARGV[9])
local problem = open()
if problem then return { problem } end
touch()
expire()
if not isTold(instance) then
  redis.call('HSET', ROOM, 'listeners', room.listeners == '' and instance or room.listeners .. ' ' .. instance)
end
local entries, bytes = {}, 0
local average = math.max(1, room.bytes / math.max(1, room.count))
local at = room.epoch == knownEpoch and from or 0
local isEnd = false
while not isEnd and bytes < maxBytes do
  local wanted = math.max(1, math.min(32, math.ceil((maxBytes - bytes) / average)))
  local part = redis.call('XRANGE', LOG, text(at + 1), '+', 'COUNT', wanted)
  isEnd = #part < wanted
  for _, entry in ipairs(part) do
    local id, fields = tonumber(string.match(entry[1], '^%d+')) - 1, entry[2]
    local left = fields[4] and text(math.max(0, tonumber(fields[4]) - now)) or ''
    entries[#entries + 1] = id
    entries[#entries + 1] = left
    entries[#entries + 1] = fields[2]
    bytes = bytes + #fields[2]
    at = id + 1
    if bytes >= maxBytes then break end
  end
end
return { 'ok', room.epoch, room.private and 1 or 0, room.next, others(instance), entries }
`)

/**
 * Tells how many streams of the room an instance has, which keeps it from becoming idle. Makes no room. ARGV 7 …: instance,
 * count, ms for which this holds.
 */
export const PRESENT = script(
  `${ONE_ROOM}
local instance, count, holds = ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])
if find() ~= 'here' then
  redis.call('HDEL', STREAMS, instance)
  return { 'absent' }
end
if count > 0 then
  touch()
  redis.call('HSET', STREAMS, instance, text(count) .. ' ' .. text(now + holds))
  redis.call('PEXPIRE', STREAMS, math.max(holds, redis.call('PTTL', STREAMS)))
else
  redis.call('HDEL', STREAMS, instance)
end
expire()
return { 'ok', room.epoch, room.next, others(instance), isTold(instance) and 1 or 0 }
`,
  'allow-oom',
)

export const STATE = script(
  `${ONE_ROOM}
if find() ~= 'here' then return { 'absent' } end
local problem = refuse()
if problem then return { problem } end
expire()
local function edge(command, from, to)
  local entry = redis.call(command, LOG, from, to, 'COUNT', 1)[1]
  return entry and tonumber(string.match(entry[1], '^%d+')) - 1 or -1
end
return {
  'ok', room.epoch, room.private and 1 or 0, others(''), edge('XRANGE', '-', '+'), edge('XREVRANGE', '+', '-'), room.next,
  room.count, room.bytes, math.floor((now - room.made) / 1000)
}
`,
  'allow-oom',
)

/** A room is removed with a pass for it, also when a part of it was lost. */
export const REMOVE = script(
  `${ONE_ROOM}
if find() == 'absent' then return { 'absent' } end
if pass ~= '*' and pass ~= room.epoch then return { 'not owner' } end
forget()
redis.call('SPUBLISH', channel, 'gone ' .. room.epoch)
return { 'ok' }
`,
  'allow-oom',
)

/**
 * Takes a place among all rooms. KEYS: registry. ARGV: name, most rooms, ms for which the place is kept at least. A room
 * ends without anybody telling this set, so it counts some that have just gone.
 */
export const RESERVE = script(`
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local till = string.format('%.0f', now + tonumber(ARGV[3]))
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return { 'full' } end
redis.call('ZADD', KEYS[1], till, ARGV[1])
return { 'ok' }
`)

/** Keeps the places of rooms that are in use. KEYS: registry. ARGV: ms, names …. */
export const KEEP = script(
  `
local clock = redis.call('TIME')
local till = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000) + tonumber(ARGV[1]))
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', till, ARGV[i]) end
return { 'ok' }
`,
  'allow-oom',
)

/** Writes nothing, but Redis refuses it when it would refuse a message: out of memory, disk broken, not the master. */
export const CHECK = script(`return { 'ok' }`)
