/**
 * What happens inside Redis, each as one script that nothing can come between: Redis runs one at a time, and writes all
 * or nothing of it to its append-only file.
 *
 * Every script but the last two begins with the same steps: find the room, see whether Redis lost a part of it, check the
 * pass, and make the room when it is absent and the caller drew an epoch for it. The time is that of Redis, so that the
 * clocks of the gateways don't matter.
 *
 * A room was lost in part when it was written by another Redis process than the one that runs now (a restart, a replica
 * that took over), unless both wait for the disk before they answer; when its log is not as long as it should be (a key was
 * evicted or deleted); or when a gateway has seen a later message of the same epoch than there is. What is left of it is
 * then thrown away and a new epoch begins: an id given out twice in one epoch would let a reader miss a message.
 *
 * `#!lua` lets Redis refuse a script before its first write, rather than in the middle of it, when it is out of memory.
 */
import { createHash } from 'node:crypto'

export interface Script {
  readonly source: string
  readonly sha1: string
}

/**
 * KEYS: room, log, expiring, taken, streams. ARGV 1 to 7: run id of the Redis process, whether it is durable, pass,
 * epoch to make the room with, idle time, longest life (0: none), channel.
 *
 * That a room was made or is gone is said in its channel. Messages go to each gateway that shows the room in a channel of
 * its own, so that a gateway isn't sent what it has just said itself: the room notes who has read its log.
 */
const ROOM_STEPS = `
local ROOM, LOG, EXPIRING, TAKEN, STREAMS = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local run, durable, pass, fresh = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local idle, longest, channel = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local slack = math.min(1000, math.floor(idle / 10))
local knownEpoch, knownNext = nil, 0
local room

local function text(number) return string.format('%.0f', number) end

-- To every gateway that shows the room, but 'but'. One that gets nothing has left, and reads the log when it comes back.
local function tell(what, but)
  local left = ''
  for one in string.gmatch(room.listeners, '%S+') do
    if one == but or redis.call('SPUBLISH', channel .. ':' .. one, what) > 0 then left = left == '' and one or left .. ' ' .. one end
  end
  if left ~= room.listeners then redis.call('HSET', ROOM, 'listeners', left) end
end

local function forget() redis.call('DEL', ROOM, LOG, EXPIRING, TAKEN) end

local function find()
  local f = redis.call('HMGET', ROOM, 'epoch', 'private', 'next', 'bytes', 'count', 'made', 'keyed', 'run', 'safe', 'till',
    'timed', 'listeners')
  if not f[1] then return 'absent' end
  room = {
    epoch = f[1], private = f[2] == '1', next = tonumber(f[3]), bytes = tonumber(f[4]), count = tonumber(f[5]),
    made = tonumber(f[6]), keyed = tonumber(f[7]), till = tonumber(f[10]), timed = tonumber(f[11]), listeners = f[12]
  }
  if longest > 0 and now - room.made >= longest then
    forget()
    redis.call('SPUBLISH', channel, 'gone ' .. room.epoch)
    return 'absent'
  end
  local isOther = f[8] ~= run
  if isOther and not (f[9] == '1' and durable == '1') then return 'lost' end
  if redis.call('XLEN', LOG) ~= room.count then return 'lost' end
  if knownEpoch == room.epoch and room.next < knownNext then return 'lost' end
  if isOther or f[9] ~= durable then redis.call('HSET', ROOM, 'run', run, 'safe', durable) end
  return 'here'
end

-- Expiry is renewed when less than the idle time is left, and set a little later than that: most messages need not do it.
local function touch()
  if room.till - now >= idle then return end
  room.till = now + idle + slack
  local at = text(room.till)
  redis.call('HSET', ROOM, 'till', at)
  redis.call('PEXPIREAT', ROOM, at)
  redis.call('PEXPIREAT', LOG, at)
  redis.call('PEXPIREAT', EXPIRING, at)
  redis.call('PEXPIREAT', TAKEN, at)
end

-- A key that was just made gets the expiry of the others.
local function align(key) redis.call('PEXPIREAT', key, text(room.till)) end

local function make(private)
  forget()
  redis.call('HSET', ROOM, 'epoch', fresh, 'private', private and '1' or '0', 'next', '0', 'index', '0', 'bytes', '0',
    'count', '0', 'made', text(now), 'keyed', '0', 'run', run, 'safe', durable, 'till', '0', 'timed', '0', 'listeners', '')
  room = {
    epoch = fresh, private = private, next = 0, bytes = 0, count = 0, made = now, keyed = 0, till = 0, timed = 0,
    listeners = ''
  }
  redis.call('SPUBLISH', channel, 'made ' .. fresh)
  touch()
end

-- Why this pass does not open the room that is here.
local function refuse()
  if pass == '*' or pass == room.epoch then return nil end
  if pass ~= '' then return 'gone' end
  return room.private and 'private' or nil
end

-- nil, or why there is no room for this caller. A private room of which a part was lost opens for nobody but '*'.
local function open()
  local state = find()
  if state == 'here' then return refuse() end
  if pass ~= '' and pass ~= '*' then return 'gone' end
  local private = state == 'lost' and room.private
  if private and pass == '' then return 'private' end
  if fresh == '' then return 'absent' end
  make(private)
end

local function expire()
  if room.timed == 0 then return end
  repeat
    local due = redis.call('ZRANGEBYSCORE', EXPIRING, '-inf', text(now), 'LIMIT', 0, 1000)
    if #due == 0 then return end
    for _, entry in ipairs(due) do
      local id, size = string.match(entry, '^(%d+):(%d+)$')
      redis.call('XDEL', LOG, id)
      room.bytes = room.bytes - tonumber(size)
      room.count = room.count - 1
      room.timed = room.timed - 1
    end
    redis.call('ZREM', EXPIRING, unpack(due))
    redis.call('HSET', ROOM, 'bytes', text(room.bytes), 'count', text(room.count),
      'timed', text(room.timed))
  until #due < 1000
end

local function isTold(instance) return string.find(' ' .. room.listeners .. ' ', ' ' .. instance .. ' ', 1, true) ~= nil end

-- Streams of the other instances. Entries are 'count until'; those of an instance that died run out.
local function others(instance)
  local sum, all = 0, redis.call('HGETALL', STREAMS)
  for i = 1, #all, 2 do
    local count, till = string.match(all[i + 1], '^(%d+) (%d+)$')
    if tonumber(till) <= now then redis.call('HDEL', STREAMS, all[i])
    elseif all[i] ~= instance then sum = sum + tonumber(count) end
  end
  return sum
end
`

/**
 * ARGV 8 …: instance, body, bytes of its event without those of the id, most messages, most bytes, ttl in ms or '', and for
 * an Idempotency-Key: it, hash of the body, what a key costs, most keys. The instance isn't told what it has just said: it
 * has the body, and learns the id from the answer.
 */
export const PUBLISH = script(`${ROOM_STEPS}
local instance, body, base, maxCount, maxBytes = ARGV[8], ARGV[9], tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local ttl, key = ARGV[13], ARGV[14]
local problem = open()
if problem then return { problem } end
touch()
expire()
if key then
  local known = redis.call('HGET', TAKEN, 'k' .. key)
  if known then
    local id, was = string.match(known, '^(%d+) (.*)$')
    if was ~= ARGV[15] then return { 'reused' } end
    return { 'repeat', room.epoch, tonumber(id) }
  end
end
local id = text(room.next)
local size = base + #id
if room.count >= maxCount or room.bytes + size > maxBytes then return { 'full' } end

local streamId = text(room.next + 1)
if ttl == '' then
  redis.call('XADD', LOG, streamId .. '-0', 'b', body)
else
  local at = text(now + tonumber(ttl))
  redis.call('XADD', LOG, streamId .. '-0', 'b', body, 'x', at)
  redis.call('ZADD', EXPIRING, at, streamId .. ':' .. text(size))
  align(EXPIRING)
  redis.call('HSET', ROOM, 'timed', text(room.timed + 1))
end
if room.next == 0 then align(LOG) end
local bytes = room.bytes + size
if key then
  local keyCost, maxKeys = tonumber(ARGV[16]), tonumber(ARGV[17])
  redis.call('HSET', TAKEN, 'k' .. key, id .. ' ' .. ARGV[15], 'o' .. text(room.keyed), key)
  if room.keyed == 0 then align(TAKEN) end
  bytes = bytes + #key + keyCost
  local oldest = room.keyed - maxKeys
  if oldest >= 0 then
    local name = redis.call('HGET', TAKEN, 'o' .. text(oldest))
    redis.call('HDEL', TAKEN, 'k' .. name, 'o' .. text(oldest))
    bytes = bytes - #name - keyCost
  end
  redis.call('HSET', ROOM, 'keyed', text(room.keyed + 1))
end
redis.call('HSET', ROOM, 'next', streamId, 'bytes', text(bytes), 'count', text(room.count + 1))
if room.listeners ~= '' and room.listeners ~= instance then
  tell('message ' .. room.epoch .. ' ' .. id .. ' ' .. ttl .. ' ' .. body, instance)
end
return { 'ok', room.epoch, room.next }
`)

export const INDEX = script(`${ROOM_STEPS}
local problem = open()
if problem then return { problem } end
touch()
return { 'ok', redis.call('HINCRBY', ROOM, 'index', 1) }
`)

/** Makes a private room. What is left of one that was lost in part is no room. */
export const CREATE = script(`${ROOM_STEPS}
if find() == 'here' then return { 'exists' } end
if fresh == '' then return { 'absent' } end
make(true)
return { 'ok', room.epoch }
`)

/**
 * A part of the log. ARGV 8 …: first id wanted, epoch and next id that the caller knows ('' and 0: none), instance, most
 * bytes. The answer is at least one message unless there is none; entries are id, ms left or '', body.
 */
export const READ = script(`${ROOM_STEPS}
local from, instance, maxBytes = tonumber(ARGV[8]), ARGV[11], tonumber(ARGV[12])
knownEpoch, knownNext = ARGV[9], tonumber(ARGV[10])
local problem = open()
if problem then return { problem } end
touch()
expire()
if not isTold(instance) then
  redis.call('HSET', ROOM, 'listeners', room.listeners == '' and instance or room.listeners .. ' ' .. instance)
end
local entries, bytes = {}, 0
local at = room.epoch == knownEpoch and from or 0
local isEnd = false
while not isEnd and bytes < maxBytes do
  local part = redis.call('XRANGE', LOG, text(at + 1), '+', 'COUNT', 32)
  isEnd = #part < 32
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
 * Tells how many streams of the room an instance has, which keeps it from becoming idle. Makes no room. ARGV 8 …: instance,
 * count, ms for which this holds.
 */
export const PRESENT = script(
  `${ROOM_STEPS}
local instance, count, holds = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])
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
  `${ROOM_STEPS}
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

/** ARGV 8: instance. A room is removed with a pass for it, also when a part of it was lost. */
export const REMOVE = script(
  `${ROOM_STEPS}
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

function script(body: string, flags = ''): Script {
  const source = `#!lua flags=${flags}\n${body.trim()}\n`
  return { source, sha1: createHash('sha1').update(source).digest('hex') }
}
