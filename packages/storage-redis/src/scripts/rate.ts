/** Finds `debt` and `at` of `key`, as they are `now` under `per` and `weight`: `debtAt` of core, step by step. */
export const STORED_DEBT: string = `
local debt, at = 0, now
local stored = stored_numbers(key)
if stored then
  local units_weight, units_per
  debt, at, units_weight, units_per = struct.unpack('<dddd', stored)
  local elapsed = math.max(0, now - at)
  -- A clock that went back stands still.
  at = at + elapsed
  if units_weight == weight then
    debt = math.max(0, debt - math.max(units_per, per) * elapsed)
  else
    -- The policy has changed: as many units count on, rounded up, and fall at the faster of the two rates.
    local before = math.max(0, debt - units_per * elapsed)
    debt = math.min(math.ceil(debt / units_weight * weight), MOST) - per * elapsed
    debt = math.max(0, math.min(debt, math.ceil(before / units_weight * weight)))
  end
end
`

/**
 * A rate, in a string of four doubles: its debt, since when it is that (ms), and the weight of a unit and the fall a ms
 * that it was made under. Its arithmetic is that of core, step by step.
 */
export const RATE: string = `
local function save_rate(op)
  if op.debt == 0 then return call('DEL', op.key) end
  keep(op, op.at + math.ceil(op.debt / op.per), struct.pack('<dddd', op.debt, op.at, op.weight, op.per))
end
kinds.r = {
  read = function(op)
    op.per, op.weight, op.capacity, op.cost = numbers(4)
    local key, per, weight = op.key, op.per, op.weight
    ${STORED_DEBT}
    op.debt, op.at = debt, at
  end,
  room = function(op)
    return op.debt >= op.capacity and 0 or math.floor((op.capacity - op.debt) / (op.weight * op.cost))
  end,
  take = function(op, units)
    op.debt = math.min(op.debt + units * op.cost * op.weight, MOST)
    save_rate(op)
  end,
  give_back = function(op, units)
    if op.debt == 0 then return end
    op.debt = math.max(0, op.debt - units * op.weight * op.cost)
    save_rate(op)
  end,
  say = function(op) return op.debt end,
}
`
