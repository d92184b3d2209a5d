import { CONCURRENCY } from './concurrency.ts'
import { HEAD } from './head.ts'
import { RATE } from './rate.ts'
import { WINDOW } from './window.ts'

/** Kinds of operations as the script calls them: rate, window, concurrency. */
export type Kind = 'r' | 'w' | 'c'

const KINDS: Readonly<Record<Kind, string>> = { r: RATE, w: WINDOW, c: CONCURRENCY }

/**
 * The script that carries out requests, one after the other, in one step that nothing else comes into. It has only the
 * kinds that they need, for Redis makes all functions of a script anew each time.
 *
 * ARGV: the time (ms; empty for the server's own), then of each request: its verb, units, lease (or empty) and number of
 * operations, and of each operation its kind and numbers. KEYS: in the order of the operations, two of a concurrency.
 *
 * It answers the time, then of each request the units granted and what each operation found, in whole numbers, from which
 * the caller makes the decisions. Numbers are doubles, as in JavaScript; to text they come by Redis itself or by `%.0f`, for
 * `tostring` rounds to 14 digits.
 */
export function decideScript(kinds: readonly Kind[]): string {
  const parts = kinds.map((kind) => KINDS[kind])
  return [HEAD, ARGUMENTS, ...parts, BODY].join('')
}

const ARGUMENTS = `
local kinds = {}
local arg, key = 1, 0
local function numbers(count)
  local from = arg + 1
  arg = arg + count
  return tonumber(ARGV[from]), tonumber(ARGV[from + 1]), tonumber(ARGV[from + 2]), tonumber(ARGV[from + 3])
end
local function next_key() key = key + 1 return KEYS[key] end
local function keep(op, free_at, value) call('PSETEX', op.key, free_at - now + spare, value) end
`

const BODY = `
local answer = { now }
local function say(...)
  for _, value in ipairs({ ... }) do
    -- Clients that add up digits round the last whole numbers below 2^53.
    answer[#answer + 1] = value > MOST and string.format('%.0f', value) or value
  end
end
while arg < #ARGV do
  local verb, lease, ops = ARGV[arg + 1], ARGV[arg + 3], {}
  local units, count = tonumber(ARGV[arg + 2]), tonumber(ARGV[arg + 4])
  arg = arg + 4
  for i = 1, count do
    arg = arg + 1
    local op = { kind = kinds[ARGV[arg]], key = next_key(), lease = lease }
    op.kind.read(op)
    ops[i] = op
  end
  if verb == 'refund' then
    for _, op in ipairs(ops) do op.kind.give_back(op, units) end
    say(units)
  elseif verb == 'renew' then
    local held = 1
    for _, op in ipairs(ops) do if not op.kind.renew(op) then held = 0 end end
    say(held)
  else
    local granted = units
    if verb ~= 'force' then
      for _, op in ipairs(ops) do
        local room = op.kind.room(op)
        if room < granted then granted = verb == 'partial' and room or 0 end
      end
    end
    say(granted)
    for _, op in ipairs(ops) do
      if granted > 0 and verb ~= 'peek' then op.kind.take(op, granted) end
      say(op.kind.say(op))
    end
  end
end
return answer
`
