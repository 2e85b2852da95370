/**
 * What the scripts have in common: find the room, see whether Redis lost a part of it, check the pass, and make the room
 * when it is absent and the caller drew an epoch for it. The time is that of Redis, so that the clocks of the gateways
 * don't matter.
 *
 * A room was lost in part when it was written by another Redis process than the one that runs now (a restart, a replica
 * that took over), unless both wait for the disk before they answer; when its log is not as long as it should be (a key was
 * evicted or deleted); or when a gateway has seen a later message of the same epoch than there is. What is left of it is
 * then thrown away and a new epoch begins: an id given out twice in one epoch would let a reader miss a message.
 */
/**
 * ARGV 1 to 5: run id of the Redis process, whether it is durable, idle time, longest life of a room (0: none), epoch to make
 * a room with or ''. For each room, KEYS: room, log, expiring, taken; and a pass.
 *
 * That a room was made or is gone is said in its channel. Messages go to each gateway that shows the room in a channel of
 * its own, so that a gateway isn't sent what it has just said itself: the room notes who has read its log.
 */
export const ROOM_STEPS = `
local run, durable, idle, longest, fresh = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local slack = math.min(1000, math.floor(idle / 10))
local knownEpoch, knownNext = nil, 0
-- Seven numbers of 64 bits: as text they would take twice as long.
local COUNTS = '>ddddddd'
local ROOM, LOG, EXPIRING, TAKEN, STREAMS, pass, channel, room

-- The room that all that follows is about, by the place of its first key; its channel has the name of its own (keys.ts).
local function about(key, itsPass)
  ROOM, LOG, EXPIRING, TAKEN = KEYS[key], KEYS[key + 1], KEYS[key + 2], KEYS[key + 3]
  pass, room = itsPass, nil
  channel = string.sub(ROOM, 1, -5) .. 'live'
end

local function text(number) return string.format('%d', number) end

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
  local f = redis.call('HMGET', ROOM, 'epoch', 'private', 'made', 'run', 'safe', 'listeners', 'counts')
  if not f[1] then return 'absent' end
  room = { epoch = f[1], private = f[2] == '1', made = tonumber(f[3]), listeners = f[6] }
  if longest > 0 and now - room.made >= longest then
    forget()
    redis.call('SPUBLISH', channel, 'gone ' .. room.epoch)
    return 'absent'
  end
  if #(f[7] or '') ~= 56 then return 'lost' end
  room.next, room.count, room.bytes, room.keyed, room.timed, room.till, room.latest = struct.unpack(COUNTS, f[7])
  local isOther = f[4] ~= run
  if isOther and not (f[5] == '1' and durable == '1') then return 'lost' end
  if redis.call('XLEN', LOG) ~= room.count then return 'lost' end
  if knownEpoch == room.epoch and room.next < knownNext then return 'lost' end
  if isOther or f[5] ~= durable then redis.call('HSET', ROOM, 'run', run, 'safe', durable) end
  return 'here'
end

-- Next id; messages and their bytes; keys taken, messages that expire; when the room is idle at the soonest; and the time of
-- the last message that expires, or 0 where those are not in the order of their times.
local function save()
  redis.call('HSET', ROOM, 'counts', struct.pack(COUNTS, room.next, room.count, room.bytes, room.keyed, room.timed,
    room.till, room.latest))
end

-- Expiry is renewed when less than the idle time is left, and set a little later than that: most messages need not do it.
local function touch()
  if room.till - now >= idle then return end
  room.till = now + idle + slack
  local at = text(room.till)
  save()
  redis.call('PEXPIREAT', ROOM, at)
  redis.call('PEXPIREAT', LOG, at)
  redis.call('PEXPIREAT', EXPIRING, at)
  redis.call('PEXPIREAT', TAKEN, at)
end

-- A key that was just made gets the expiry of the others.
local function align(key) redis.call('PEXPIREAT', key, text(room.till)) end

local function make(private)
  forget()
  redis.call('HSET', ROOM, 'epoch', fresh, 'private', private and '1' or '0', 'index', '0', 'made', text(now), 'run', run,
    'safe', durable, 'listeners', '')
  room = {
    epoch = fresh, private = private, next = 0, count = 0, bytes = 0, made = now, keyed = 0, timed = 0, till = 0,
    latest = 0, listeners = ''
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

-- Takes some of the messages whose time has passed from those that expire, and says whether there may be more.
local function takeDue()
  if room.latest == 0 then
    local due = redis.call('ZRANGEBYSCORE', EXPIRING, '-inf', text(now), 'LIMIT', 0, 1000)
    if #due > 0 then redis.call('ZREM', EXPIRING, unpack(due)) end
    return due, #due == 1000
  end
  local first, due = redis.call('LRANGE', EXPIRING, 0, 63), {}
  for i, entry in ipairs(first) do
    if tonumber(string.match(entry, '%d+$')) > now then break end
    due[i] = entry
  end
  if #due > 0 then redis.call('LTRIM', EXPIRING, #due, -1) end
  return due, #due == 64
end

local function expire()
  local isMore = room.timed > 0
  while isMore do
    local due
    due, isMore = takeDue()
    if #due == 0 then return end
    local ids = {}
    for i, entry in ipairs(due) do
      local id, size = string.match(entry, '^(%d+):(%d+)')
      ids[i] = id
      room.bytes = room.bytes - tonumber(size)
    end
    room.count = room.count - #due
    room.timed = room.timed - #due
    redis.call('XDEL', LOG, unpack(ids))
    save()
  end
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

/** Steps of a script about one room: the fifth key is streams, ARGV 6 the pass, and its own arguments begin at ARGV 7. */
export const ONE_ROOM = `${ROOM_STEPS}
about(1, ARGV[6])
STREAMS = KEYS[5]`
