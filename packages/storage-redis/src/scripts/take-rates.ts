import { HEAD } from './head.ts'
import { STORED_DEBT } from './rate.ts'

/**
 * What nearly every request is, taking units of rates: as the script for all (`decide.ts`), in half its time, as it makes
 * hardly a function and no tables by name.
 *
 * ARGV: the time, then of each request its units, its number of rates, and the four numbers of each. KEYS: in that order.
 */
export const TAKE_RATES: string = `
${HEAD}
local answer, said, arg, last = { now }, 1, 2, 0
while arg < #ARGV do
  local units, count = tonumber(ARGV[arg]), tonumber(ARGV[arg + 1])
  local granted = units
  arg = arg + 2
  local debts, ats = {}, {}
  for i = 1, count do
    local key, from = KEYS[last + i], arg + i * 4 - 4
    local per, weight = tonumber(ARGV[from]), tonumber(ARGV[from + 1])
    ${STORED_DEBT}
    debts[i], ats[i] = debt, at
    if debt + units * ARGV[from + 3] * weight > tonumber(ARGV[from + 2]) then granted = 0 end
  end
  answer[said + 1] = granted
  for i = 1, count do
    local debt, from = debts[i], arg + i * 4 - 4
    if granted > 0 then
      local per, weight, at = tonumber(ARGV[from]), tonumber(ARGV[from + 1]), ats[i]
      debt = debt + units * ARGV[from + 3] * weight
      call('PSETEX', KEYS[last + i], at + math.ceil(debt / per) - now + spare, struct.pack('<dddd', debt, at, weight, per))
    end
    answer[said + 1 + i] = debt
  end
  said, last, arg = said + 1 + count, last + count, arg + 4 * count
end
return answer
`
