/**
 * The start of each script: by which time it goes (ms), the caller's if it named one; how much longer a key is kept than
 * until it is free, for the server expires it by another reading of its clock, or by another clock than the caller's; and
 * the four doubles of a string. What else is found under a key counts as nothing and is replaced: an error would be
 * everybody's whose requests are carried out together.
 */
export const HEAD: string = `
local call, MOST = redis.call, 2 ^ 52
local now, spare = tonumber(ARGV[1]), 60000
if not now then
  local time = call('TIME')
  now, spare = time[1] * 1000 + math.floor(time[2] / 1000), 1000
end
local function stored_numbers(key)
  local stored = redis.pcall('GET', key)
  return type(stored) == 'string' and #stored == 32 and stored
end
`
