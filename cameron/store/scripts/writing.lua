-- writing: what the scripts that write a job have in common. Not a script of its own.
-- HSET and HDEL of ARGV[first] .. ARGV[last], in pieces that Lua's stack can take
local function hset(key, first, last)
  while first <= last do
    local upto = math.min(first + 3999, last)
    redis.call('HSET', key, unpack(ARGV, first, upto))
    first = upto + 1
  end
end

local function hdel(key, first, last)
  while first <= last do
    local upto = math.min(first + 3999, last)
    redis.call('HDEL', key, unpack(ARGV, first, upto))
    first = upto + 1
  end
end

-- An entry of a job's events: ARGV[first] .. ARGV[last], a word, its text, ...; more of them where Lua's stack cannot take so many at once.
-- The last 10,000 entries are kept, or a few more.
local function chronicle(key, first, last)
  while first <= last do
    local upto = math.min(first + 3999, last)
    redis.pcall('XADD', key, 'MAXLEN', '~', 10000, '*', unpack(ARGV, first, upto))
    first = upto + 1
  end
end

-- A command on a key that is not the job's own, such as a set by which jobs are listed: one that an operator has broken must not cost
-- a job, nor leave it half-written.
local function aside(...)
  return redis.pcall(...)
end

