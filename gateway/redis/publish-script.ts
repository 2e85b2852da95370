/**
 * Messages into rooms: many at once, so that what a script costs by itself is paid once for all that came meanwhile.
 *
 * Each room is a world of its own: one that is closed to the caller, or whose keys somebody else has spoilt, keeps no
 * message of another room from getting in.
 *
 * Messages that have expired are removed by and by. Nobody is shown one (READ and STATE remove them first), and none is in
 * the way of a new one. One with a TTL of 0 is for those who listen now: it has an id, and is not kept at all.
 */
import { ROOM_STEPS } from './room-steps.ts'
import { script } from './script.ts'

/** What became of a message, in the answer. */
export const OUTCOMES = ['ok', 'repeat', 'reused', 'full'] as const

/** In so many messages of a room its expired ones are removed once. */
const EXPIRE_EVERY = 32

/**
 * ARGV 6 to 10: instance, most messages, most bytes, what an Idempotency-Key costs, most keys. For each room: pass, how many
 * messages; and for each of these: body, and `<bytes of its event without those of the id> <ttl in ms, or nothing>`, with
 * ` <hash of the body> <Idempotency-Key>` behind it where there is a key. The instance isn't told what it has just said: it
 * has the body, and learns the id from the answer.
 *
 * The answer is one text, which costs both sides less than lists in a list. It has for each room a line: `ok`, epoch, and for
 * each message its outcome and id; or why the room took none; or `error` and the code of the error. Then some may be there
 * all the same.
 */
export const PUBLISH = script(`${ROOM_STEPS}
local instance, maxCount, maxBytes = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local keyCost, maxKeys = tonumber(ARGV[9]), tonumber(ARGV[10])
local OK, REPEAT, REUSED, FULL = 0, 1, 2, 3

local function isFull(size) return room.count >= maxCount or room.bytes + size > maxBytes end

local function take(key, hash, id)
  redis.call('HSET', TAKEN, 'k' .. key, id .. ' ' .. hash, 'o' .. text(room.keyed), key)
  if room.keyed == 0 then align(TAKEN) end
  room.bytes = room.bytes + #key + keyCost
  local oldest = room.keyed - maxKeys
  if oldest >= 0 then
    local name = redis.call('HGET', TAKEN, 'o' .. text(oldest))
    redis.call('HDEL', TAKEN, 'k' .. name, 'o' .. text(oldest))
    room.bytes = room.bytes - #name - keyCost
  end
  room.keyed = room.keyed + 1
end

-- From a list to a sorted set, which the room keeps until nothing in it expires.
local function sort()
  local all = redis.call('LRANGE', EXPIRING, 0, -1)
  redis.call('DEL', EXPIRING)
  for _, one in ipairs(all) do
    local entry, at = string.match(one, '^(%d+:%d+):(%d+)$')
    redis.call('ZADD', EXPIRING, at, entry)
  end
  room.latest = 0
  align(EXPIRING)
end

-- Most rooms have one TTL: then the times come in order, and a list costs a third of what a sorted set does.
local function awaitEnd(entry, at)
  local time = tonumber(at)
  if room.timed == 0 then
    redis.call('RPUSH', EXPIRING, entry .. ':' .. at)
    room.latest = time
    align(EXPIRING)
  elseif room.latest > 0 and time >= room.latest then
    redis.call('RPUSH', EXPIRING, entry .. ':' .. at)
    room.latest = time
  else
    if room.latest > 0 then sort() end
    redis.call('ZADD', EXPIRING, at, entry)
  end
  room.timed = room.timed + 1
end

local function keep(body, ttl, size)
  local streamId = text(room.next + 1)
  if ttl == '' then
    redis.call('XADD', LOG, streamId .. '-0', 'b', body)
  else
    local at = text(now + tonumber(ttl))
    redis.call('XADD', LOG, streamId .. '-0', 'b', body, 'x', at)
    awaitEnd(streamId .. ':' .. text(size), at)
  end
  if room.count == 0 then align(LOG) end
  room.bytes = room.bytes + size
  room.count = room.count + 1
end

local function append(body, about)
  local base, ttl, hash, key = string.match(about, '^(%d+) (%d*) ?(%S*) ?(.*)$')
  if key ~= '' then
    local known = redis.call('HGET', TAKEN, 'k' .. key)
    if known then
      local id, was = string.match(known, '^(%d+) (.*)$')
      if was ~= hash then return REUSED, 0 end
      return REPEAT, tonumber(id)
    end
  end
  local id = text(room.next)
  local size = tonumber(base) + #id
  if room.timed > 0 and (room.next % ${EXPIRE_EVERY} == 0 or isFull(size)) then expire() end
  if isFull(size) then return FULL, 0 end

  if ttl ~= '0' then keep(body, ttl, size) end
  room.next = room.next + 1
  if key ~= '' then take(key, hash, id) end
  if room.listeners ~= '' and room.listeners ~= instance then
    tell('message ' .. room.epoch .. ' ' .. id .. ' ' .. ttl .. ' ' .. body, instance)
  end
  return OK, room.next - 1
end

local function publish(first, count)
  local problem = open()
  if problem then return problem end
  touch()
  local answer = { 'ok', room.epoch }
  for i = 0, count - 1 do
    local outcome, id = append(ARGV[first + 2 * i], ARGV[first + 2 * i + 1])
    answer[#answer + 1] = outcome .. ' ' .. text(id)
  end
  save()
  return table.concat(answer, ' ')
end

local answers, at = {}, 11
for key = 1, #KEYS, 4 do
  about(key, ARGV[at])
  local count = tonumber(ARGV[at + 1])
  local isDone, answer = pcall(publish, at + 2, count)
  if not isDone then
    local what = type(answer) == 'table' and answer.err or tostring(answer)
    answer = 'error ' .. (string.match(what, '^%-?(%u+)') or 'ERR')
  end
  answers[#answers + 1] = answer
  at = at + 2 + 2 * count
end
return table.concat(answers, string.char(10))
`)
