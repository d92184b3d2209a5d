/**
 * A sliding window, in a string of four doubles: the units taken since its start, its start and length (ms), and the units
 * of the window before. Its arithmetic is `windowAt`, `weightedUse` and `windowRoom` of core, step by step.
 */
export const WINDOW: string = `
local function used_of(current, previous, start, length, time)
  return current * length + previous * (length - math.max(0, time - start))
end
local function most_units(op) return math.floor(MOST / op.length) end
local function save_window(op)
  if op.current + op.previous == 0 then return call('DEL', op.key) end
  keep(op, op.start + 2 * op.length, struct.pack('<dddd', op.current, op.start, op.length, op.previous))
end
kinds.w = {
  read = function(op)
    op.limit, op.length, op.cost = numbers(3)
    op.current, op.start, op.previous = 0, now - math.fmod(now, op.length), 0
    local stored = stored_numbers(op.key)
    if not stored then return end
    local current, start, length, previous = struct.unpack('<dddd', stored)
    -- A clock that went back stands still.
    local time = math.max(now, start)
    local since = time - math.fmod(time, length)
    if since ~= start then
      previous = since - start == length and current or 0
      current, start = 0, since
    end
    if length == op.length then
      op.current, op.start, op.previous = current, start, previous
    else
      -- The policy has changed: as many units count on, in the window that runs.
      time = math.max(now, start)
      local used = math.ceil(used_of(current, previous, start, length, time) / length)
      op.current, op.start = math.min(used, most_units(op)), time - math.fmod(time, op.length)
    end
  end,
  room = function(op)
    local free = op.limit * op.length - used_of(op.current, op.previous, op.start, op.length, now)
    return free <= 0 and 0 or math.floor(free / (op.length * op.cost))
  end,
  take = function(op, units)
    op.current = math.min(op.current + units * op.cost, most_units(op))
    save_window(op)
  end,
  give_back = function(op, units)
    if op.current + op.previous == 0 then return end
    local back = units * op.cost
    op.previous = math.max(0, op.previous - math.max(0, back - op.current))
    op.current = math.max(0, op.current - back)
    save_window(op)
  end,
  say = function(op) return op.current, op.start, op.previous end,
}
`
