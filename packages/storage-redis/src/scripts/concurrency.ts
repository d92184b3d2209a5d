/**
 * Leases of one key: a sorted set of their ends (ms), and a hash of their units. The hash's field without a name has the
 * sum, so that no decision has to count them all.
 */
export const CONCURRENCY: string = `
-- No limit is this high: whole numbers are exact up to it.
local WHOLE = 2 ^ 53
local function held_by_others(op)
  local all, units = call('HGETALL', op.hash), 0
  for i = 1, #all, 2 do if all[i] ~= '' and all[i] ~= op.lease then units = units + all[i + 1] end end
  return units
end
local function drop(op, lease, units)
  call('HINCRBY', op.hash, '', -units)
  call('HDEL', op.hash, lease)
  call('ZREM', op.key, lease)
end
local function hold(op, units)
  op.soonest = op.soonest < 0 and op.ttl or math.min(op.soonest, op.ttl)
  op.latest = math.max(op.latest, op.ttl)
  op.held = op.held + units
  if op.lease == '' then return end
  call('HSET', op.hash, op.lease, units)
  call('HINCRBY', op.hash, '', units - op.own)
  call('ZADD', op.key, now + op.ttl, op.lease)
  call('PEXPIRE', op.key, op.latest + spare)
  call('PEXPIRE', op.hash, op.latest + spare)
end
kinds.c = {
  read = function(op)
    op.limit, op.cost, op.ttl = numbers(3)
    op.hash = next_key()
    local over = redis.pcall('ZRANGEBYSCORE', op.key, '-inf', now)
    if over.err then call('DEL', op.key, op.hash) end
    for _, lease in ipairs(over) do
      drop(op, lease, call('HGET', op.hash, lease) or 0)
    end
    local units = call('HMGET', op.hash, '', op.lease)
    op.own = op.lease ~= '' and tonumber(units[2] or 0) or 0
    -- What the others hold and when they end, for the lease's own units are to be replaced: of two ends one is another's.
    local sum = tonumber(units[1] or 0)
    op.held = sum >= WHOLE and held_by_others(op) or sum - op.own
    local first, last = call('ZRANGE', op.key, 0, 1, 'WITHSCORES'), call('ZRANGE', op.key, -2, -1, 'WITHSCORES')
    local soonest, latest = first[2], last[#last]
    if first[1] == op.lease then soonest = first[4] end
    if last[#last - 1] == op.lease then latest = last[#last - 2] end
    op.soonest = soonest and soonest - now or -1
    op.latest = latest and latest - now or 0
  end,
  room = function(op) return math.floor(math.max(0, op.limit - op.held) / op.cost) end,
  take = function(op, units) hold(op, math.min(units * op.cost, WHOLE)) end,
  give_back = function(op)
    if op.own > 0 then drop(op, op.lease, op.own) end
    if op.held == 0 then call('DEL', op.hash) end
  end,
  renew = function(op)
    if op.own > 0 then hold(op, op.own) end
    return op.own > 0
  end,
  say = function(op) return math.min(op.held, WHOLE), op.soonest, op.latest end,
}
`
