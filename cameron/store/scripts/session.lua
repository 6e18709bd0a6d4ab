-- session: keep a string in a job's session. What runs on although nobody waits for it may come late: a job that is gone gets none.
-- KEYS: 1 the engine's record, 2 the job's session
-- ARGV: 1 the string's key, 2 the string, 3 how many keys a session may have
-- returns: "set"; "gone" where there is no such job; "full" where it has no room for another key
if redis.call('EXISTS', KEYS[1]) == 0 then return 'gone' end
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 and redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[3]) then return 'full' end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
local left = redis.call('PTTL', KEYS[1])
if left >= 0 then redis.call('PEXPIRE', KEYS[2], left) end  -- it has ended: all that is its own expires together
return 'set'
