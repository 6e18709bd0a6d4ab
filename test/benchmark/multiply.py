"""Makes many finished jobs out of some, inside Redis: copies of all their keys, in the same sets, each expiring at its time."""

from typing import Any

from cameron.store import keys

A_CALL = 500  # copies, some 10 ms
DAY_MS = 86_400_000

# KEYS: 1 the sorted set of the process's finished jobs, 2 that of its jobs by key. ARGV: 1 seed, 2 copies, 3 process, 4 the template's key,
# 5 its uuid, 6 when the first copy was accepted, in epoch milliseconds
_COPY = """
local seed, copies, process, key, uuid, at = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
math.randomseed(seed)
local function names(id)
  return {'cameron:process:' .. process .. ':key:' .. key .. ':job:' .. id, 'cameron:record:' .. process .. ':' .. id,
          'cameron:events:' .. process .. ':' .. id}
end
local from = names(uuid)
for copy = 1, copies do
  local id = ''
  for part = 1, 8 do id = id .. string.format('%04x', math.random(0, 65535)) end
  local left = math.random(86400000, 7 * 86400000)
  for place, name in ipairs(names(id)) do
    redis.call('COPY', from[place], name)
    redis.call('PEXPIRE', name, left)
  end
  local member = key .. '\\t' .. string.format('%013d', at + copy) .. '\\t' .. id
  redis.call('ZADD', KEYS[1], at + copy, member)
  redis.call('ZADD', KEYS[2], 0, member)
end
return copies
"""


def multiply(store: Any, process: str, copies: int) -> None:
    """So many finished jobs more, of all those there are in turn; `store` is redis-py's client, with text."""
    done, by_key = keys.jobs(process, "done"), keys.jobs_by_key(process)
    templates = [member.split("\t") for member in store.zrange(done, 0, 199)]
    script, made, turn = store.register_script(_COPY), 0, 0
    while made < copies:
        key, accepted, uuid = templates[turn % len(templates)]
        count = min(A_CALL, copies - made)
        made += script(keys=[done, by_key], args=[turn + 1, count, process, key, uuid, int(accepted) - DAY_MS + made])
        turn += 1
