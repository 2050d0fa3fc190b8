"""Scripts for atomic operations that Redis has no command for. Each script touches one key.

Written for Redis 6.2 and Valkey 7.2. An index is a sorted set of members by expiry time, in milliseconds of
the server's clock, so that the clocks of hosts need not agree.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from shared.storage.interface import MAX_GROWTH


@dataclass(frozen=True)
class Script:
    """A script and the SHA-1 under which Redis caches it."""

    text: str
    digest: str


def _script(text: str) -> Script:
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# A Redis that has used up `maxmemory` refuses SET unless the script has already written something, because it
# would stop halfway. So PERSIST, which needs no memory, comes first if the document hardly grows: ending or
# narrowing something (a revocation, a disabled user) must be possible while the store is full.
REPLACE = _script(f"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if #ARGV[2] <= #ARGV[1] + {MAX_GROWTH} then redis.call('PERSIST', KEYS[1]) end
if ARGV[3] == '' then
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
""")
"""Arguments: old value, new value, lifetime in ms or empty. Returns 1 if replaced."""

COUNT = _script("""
local value = tonumber(redis.call('GET', KEYS[1]) or 0)
local left = redis.call('PTTL', KEYS[1])
if left < 0 then left = tonumber(ARGV[3]) end
if value + ARGV[1] > tonumber(ARGV[2]) then return {0, value, left} end
value = redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], math.max(left, 1))
return {1, value, left}
""")
"""Arguments: increment, limit, lifetime in ms. Returns 1 if added (else 0), the counter, ms left."""

UNCOUNT = _script("""
local value = tonumber(redis.call('GET', KEYS[1]) or 0)
if value > 0 then redis.call('DECRBY', KEYS[1], math.min(value, ARGV[1])) end
""")
"""Argument: decrement."""

# The index expires with its last member.
_EXPIRE_INDEX = """
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
if last == 'inf' then
  redis.call('PERSIST', KEYS[1])
elseif last then
  redis.call('PEXPIREAT', KEYS[1], last)
end
return 1
"""

_PRUNE = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
"""

_ADD = """
local expiry = 'inf'
if ARGV[2] ~= '' then expiry = string.format('%.0f', now + ARGV[2]) end
redis.call('ZADD', KEYS[1], expiry, ARGV[1])
"""

# Add before pruning: after another write, a full Redis would let the index grow.
INDEX_ADD = _script(_NOW + _ADD + _PRUNE + _EXPIRE_INDEX)
"""Arguments: member, lifetime in ms or empty."""

INDEX_ADD_WITHIN = _script(
    _NOW
    + """
local others = redis.call('ZCOUNT', KEYS[1], string.format('(%.0f', now), 'inf')
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if score and tonumber(score) > now then others = others - 1 end
if others >= tonumber(ARGV[3]) then return 0 end
"""
    + _ADD
    + _PRUNE
    + _EXPIRE_INDEX
)
"""Arguments: member, lifetime in ms or empty, maximum number of members. Returns 1 if added."""

TIME = _script("return redis.call('TIME')")
"""No arguments. Returns seconds since 1970, and microseconds, as text."""

INDEX_REMOVE = _script("redis.call('ZREM', KEYS[1], ARGV[1])" + _EXPIRE_INDEX)
"""Argument: member."""

ADD_MEMBERS = _script(
    """
for i = 1, #ARGV, 2 do redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1]) end
"""
    + _NOW
    + _PRUNE
    + _EXPIRE_INDEX
)
"""Arguments: expiry in ms since 1970 or ``inf``, member, and so on."""

READ_ENTRY = _script(
    _NOW
    + """
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'zset' then return {'index'} end
if kind == 'stream' then return {'log'} end
if kind ~= 'string' then return false end
local left = redis.call('PTTL', KEYS[1])
local expiry = ''
if left >= 0 then expiry = string.format('%.0f', now + left) end
return {expiry, redis.call('GET', KEYS[1])}
"""
)
"""No arguments. Returns ``index`` or ``log`` alone for one of these, nothing for no entry; else the expiry
(as above, or empty) and the value."""

READ_MEMBERS = _script("return redis.call('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])")
"""Arguments: cursor, number. Returns the next cursor, and members and expiries (as above) in turn."""

INDEX_LIST = _script(
    _NOW
    + """
return redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), 'inf')
"""
)
"""No arguments. Returns the members that have not expired."""

LOG_TRIM = _script("""
redis.call('XTRIM', KEYS[1], 'MINID', ARGV[1])
if redis.call('XLEN', KEYS[1]) == 0 then redis.call('DEL', KEYS[1]) end
""")
"""Argument: the id of the first entry to keep."""
