
/*
 * The scripts for Redis; their header says what they do.
 *
 * No global may be set in Redis' Lua.  After the first write of a script no
 * call may fail: values are checked before (canonical integers only, as Redis
 * itself reads them: no leading zeros, no "-0"), and what the server refuses
 * (out of memory, read-only, a disk error) it refuses at the first write.
 */

#include <store/ai_redis_scripts.h>


/* more fields than any counter has: it would stop Redis to look at them */
#define AI_REDIS_FIELDS  "10000"

/* 2^53 */
#define AI_REDIS_MOST    "9007199254740992"


/*
 * int(s): a number, nil if it is not one.  nat(s): one that is not negative
 * and exact.  kind(key): its type.  text(n): the other way.
 */

#define AI_REDIS_LUA_BASE                                                     \
    "local call = redis.call\n"                                               \
    "local function int(s)\n"                                                 \
    "  if s == '0' then return 0 end\n"                                       \
    "  local d = s and string.match(s, '^%-?([1-9]%d*)$')\n"                  \
    "  if d and #d <= 18 then return tonumber(s) end\n"                       \
    "end\n"                                                                   \
    "local function nat(s)\n"                                                 \
    "  local n = int(s)\n"                                                    \
    "  if n and n >= 0 and n < " AI_REDIS_MOST " then return n end\n"         \
    "end\n"                                                                   \
    "local function kind(key) return call('TYPE', key).ok end\n"              \
    "local function text(n) return string.format('%.0f', n) end\n"            \
    "local function wrong(what)\n"                                            \
    "  return redis.error_reply('ERR invalid ' .. what)\n"                    \
    "end\n"


#define AI_REDIS_LUA_EPOCH(key)                                               \
    "do\n"                                                                    \
    "  local e = ''\n"                                                        \
    "  if kind(KEYS[" key "]) == 'string' then\n"                             \
    "    e = call('GET', KEYS[" key "])\n"                                    \
    "  end\n"                                                                 \
    "  if e == '' or e ~= ARGV[1] then return { 'epoch', e } end\n"           \
    "end\n"


/* fields(key): all of a hash in one list, nil if it is not one */

#define AI_REDIS_LUA_FIELDS                                                   \
    "local function fields(key)\n"                                            \
    "  local k = kind(key)\n"                                                 \
    "  if k == 'none' then return {} end\n"                                   \
    "  if k == 'hash' and call('HLEN', key) <= " AI_REDIS_FIELDS " then\n"    \
    "    return call('HGETALL', key)\n"                                       \
    "  end\n"                                                                 \
    "end\n"                                                                   \
    "local function given(free, least, most)\n"                               \
    "  return math.min(math.max(least, most),\n"                              \
    "                  math.max(least, math.floor(free / 4)))\n"              \
    "end\n"


static const ai_char_t  ai_redis_epoch[] =

    "local k = redis.call('TYPE', KEYS[1]).ok\n"
    "if k == 'none' then\n"
    "  redis.call('SET', KEYS[1], ARGV[1])\n"
    "  return ARGV[1]\n"
    "end\n"
    "if k ~= 'string' then\n"
    "  return redis.error_reply('ERR invalid epoch key')\n"
    "end\n"
    "return redis.call('GET', KEYS[1])\n";


static const ai_char_t  ai_redis_settle[] =

    AI_REDIS_LUA_BASE
    AI_REDIS_LUA_EPOCH("2")

    "local first, n = nat(ARGV[2]), nat(ARGV[3])\n"
    "if not first or first < 1 or not n then return wrong('numbers') end\n"
    "local done = 0\n"
    "local k = kind(KEYS[1])\n"
    "if k ~= 'none' then\n"
    "  done = k == 'string' and nat(call('GET', KEYS[1]))\n"
    "  if not done then return { 'poison', 0 } end\n"
    "end\n"
    "if done < first - 1 then return { 'gap', done } end\n"

    /* the additions of new records: where in ARGV they are */

    "local at, ops = 4, {}\n"
    "for seq = first, first + n - 1 do\n"
    "  local m = nat(ARGV[at])\n"
    "  if not m then return wrong('record') end\n"
    "  at = at + 1\n"
    "  for i = 1, m do\n"
    "    local key, ttl = nat(ARGV[at]), nat(ARGV[at + 3])\n"
    "    if not key or key < 1 or key > #KEYS - 2 or not ttl\n"
    "       or ttl > 1e9\n"
    "    then\n"
    "      return wrong('addition')\n"
    "    end\n"
    "    if seq > done then ops[#ops + 1] = at end\n"
    "    at = at + 4\n"
    "  end\n"
    "end\n"
    "if at ~= #ARGV + 1 then return wrong('number of arguments') end\n"

    /* how large each field may become, whatever the order; false: poisoned */

    "local sums, ttls = {}, {}\n"
    "local function reach(key, field, more)\n"
    "  local sum = sums[key]\n"
    "  if sum == nil then\n"
    "    local k = kind(KEYS[key + 2])\n"
    "    sum = (k == 'hash' or k == 'none') and {}\n"
    "    sums[key] = sum\n"
    "  end\n"
    "  if not sum then return end\n"
    "  local n = sum[field]\n"
    "  if not n then\n"
    "    n = int(call('HGET', KEYS[key + 2], field) or '0')\n"
    "  end\n"
    "  more = int(more)\n"
    "  n = n and more and math.abs(n) + math.abs(more)\n"
    "  if not n or n >= 1e18 then\n"
    "    sums[key] = false\n"
    "  else\n"
    "    sum[field] = n\n"
    "  end\n"
    "end\n"
    "for _, at in ipairs(ops) do\n"
    "  reach(tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2])\n"
    "end\n"

    "for _, at in ipairs(ops) do\n"
    "  local key, ttl = tonumber(ARGV[at]), tonumber(ARGV[at + 3])\n"
    "  if sums[key] then\n"
    "    call('HINCRBY', KEYS[key + 2], ARGV[at + 1], ARGV[at + 2])\n"
    "    ttls[key] = math.max(ttls[key] or 0, ttl)\n"
    "  end\n"
    "end\n"
    "local poisoned = {}\n"
    "for key = 1, #KEYS - 2 do\n"
    "  if sums[key] == false then poisoned[#poisoned + 1] = key end\n"
    "  if ttls[key] and ttls[key] > 0 then\n"
    "    call('EXPIRE', KEYS[key + 2], text(ttls[key]))\n"
    "  end\n"
    "end\n"
    "if first + n - 1 > done then\n"
    "  done = first + n - 1\n"
    "  call('SET', KEYS[1], text(done))\n"
    "end\n"
    "return { 'ok', done, poisoned }\n";


static const ai_char_t  ai_redis_grant[] =

    AI_REDIS_LUA_BASE
    AI_REDIS_LUA_EPOCH("1")
    AI_REDIS_LUA_FIELDS

    "local node, lasts = ARGV[2], nat(ARGV[3])\n"
    "if not lasts or lasts > 1e12 or #ARGV ~= 3 + 5 * (#KEYS - 1) then\n"
    "  return wrong('number of arguments')\n"
    "end\n"
    "local t = call('TIME')\n"
    "local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)\n"

    /* settled, and leases by node; nil: poisoned */

    "local function look(key)\n"
    "  local all = fields(key)\n"
    "  if not all then return end\n"
    "  local used, lease, till = '0', {}, {}\n"
    "  for i = 1, #all, 2 do\n"
    "    local name, value = all[i], all[i + 1]\n"
    "    local what = string.sub(name, 1, 2)\n"
    "    if name == 'u' then\n"
    "      if not int(value) then return end\n"
    "      used = value\n"
    "    elseif what == 'l:' or what == 'd:' then\n"
    "      local n = nat(value)\n"
    "      if not n then return end\n"
    "      if what == 'l:' then lease[string.sub(name, 3)] = n\n"
    "      else till[string.sub(name, 3)] = n end\n"
    "    else\n"
    "      return\n"
    "    end\n"
    "  end\n"
    "  return used, lease, till\n"
    "end\n"

    /* nothing here leaves what a double holds exactly */

    "local reply, todo = { 'ok' }, {}\n"
    "for i = 1, #KEYS - 1 do\n"
    "  local a = 5 * i - 1\n"
    "  local limit, held = nat(ARGV[a]), nat(ARGV[a + 1])\n"
    "  local least, most = nat(ARGV[a + 2]), nat(ARGV[a + 3])\n"
    "  local ttl = nat(ARGV[a + 4])\n"
    "  if not (limit and held and least and most and ttl)\n"
    "     or ttl > 1e9 or limit > 9e15 or held > 9e15\n"
    "  then\n"
    "    return wrong('scope')\n"
    "  end\n"
    "  local used, lease, till = look(KEYS[i + 1])\n"
    "  if not used then return { 'poison', i } end\n"

    "  local others, gone = 0, {}\n"
    "  for who, n in pairs(lease) do\n"
    "    if who ~= node then\n"
    "      if (till[who] or 0) > now then\n"
    "        others = math.min(others + n, " AI_REDIS_MOST ")\n"
    "      else\n"
    "        gone[#gone + 1] = who\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "  local free = limit\n"
    "  for _, n in ipairs({ math.max(0, tonumber(used)), others, held }) do\n"
    "    if free < n then free = -1 break end\n"
    "    free = free - n\n"
    "  end\n"
    "  if least > 0 and free < least then\n"
    "    return { 'no', i, used, text(others) }\n"
    "  end\n"
    "  local g = given(math.max(free, 0), least, most)\n"
    "  todo[i] = { g + held, gone, ttl }\n"
    "  reply[#reply + 1] = text(g)\n"
    "  reply[#reply + 1] = used\n"
    "  reply[#reply + 1] = text(others)\n"
    "end\n"

    "for i, what in ipairs(todo) do\n"
    "  local key = KEYS[i + 1]\n"
    "  if what[1] > 0 then\n"
    "    call('HSET', key, 'l:' .. node, text(what[1]),\n"
    "         'd:' .. node, text(now + lasts))\n"
    "  else\n"
    "    call('HDEL', key, 'l:' .. node, 'd:' .. node)\n"
    "  end\n"
    "  for _, who in ipairs(what[2]) do\n"
    "    call('HDEL', key, 'l:' .. who, 'd:' .. who)\n"
    "  end\n"
    "  if what[3] > 0 then call('EXPIRE', key, text(what[3])) end\n"
    "end\n"
    "return reply\n";


static const ai_char_t  ai_redis_slide[] =

    AI_REDIS_LUA_BASE
    AI_REDIS_LUA_EPOCH("1")
    AI_REDIS_LUA_FIELDS

    "if #ARGV ~= 1 + 6 * (#KEYS - 1) then\n"
    "  return wrong('number of arguments')\n"
    "end\n"

    /*
     * What counts, and the slots that have slid out; nil: poisoned.  Additions
     * that saturate are above any limit, whatever is taken off.
     */

    "local function look(key, slot, slots)\n"
    "  local all = fields(key)\n"
    "  if not all then return end\n"
    "  local sum, back, gone = 0, 0, {}\n"
    "  for i = 1, #all, 2 do\n"
    "    local s, n = nat(all[i]), int(all[i + 1])\n"
    "    if not s or not n then return end\n"
    "    if s <= slot - slots then\n"
    "      gone[#gone + 1] = all[i]\n"
    "    elseif n > 0 then\n"
    "      sum = math.min(sum + n, " AI_REDIS_MOST ")\n"
    "    else\n"
    "      back = math.min(back - n, " AI_REDIS_MOST ")\n"
    "    end\n"
    "  end\n"
    "  if sum < " AI_REDIS_MOST " then sum = math.max(0, sum - back) end\n"
    "  return sum, gone\n"
    "end\n"

    "local reply, todo = { 'ok' }, {}\n"
    "for i = 1, #KEYS - 1 do\n"
    "  local a = 6 * i - 4\n"
    "  local limit, slot = nat(ARGV[a]), nat(ARGV[a + 1])\n"
    "  local slots, least = nat(ARGV[a + 2]), nat(ARGV[a + 3])\n"
    "  local most, ttl = nat(ARGV[a + 4]), nat(ARGV[a + 5])\n"
    "  if not (limit and slot and slots and least and most and ttl)\n"
    "     or limit > 9e15 or slots < 1 or ttl > 1e12\n"
    "  then\n"
    "    return wrong('scope')\n"
    "  end\n"
    "  local sum, gone = look(KEYS[i + 1], slot, slots)\n"
    "  if not sum then return { 'poison', i } end\n"
    "  local free = limit - sum\n"
    "  if least > 0 and free < least then\n"
    "    return { 'no', i, text(sum) }\n"
    "  end\n"
    "  local g = given(math.max(free, 0), least, most)\n"
    "  todo[i] = { g, ARGV[a + 1], gone, ttl }\n"
    "  reply[#reply + 1] = text(g)\n"
    "  reply[#reply + 1] = text(sum)\n"
    "end\n"

    "for i, what in ipairs(todo) do\n"
    "  local key = KEYS[i + 1]\n"
    "  if what[1] > 0 then\n"
    "    call('HINCRBY', key, what[2], text(what[1]))\n"
    "    if what[4] > 0 then call('PEXPIRE', key, text(what[4])) end\n"
    "  end\n"
    "  for _, slot in ipairs(what[3]) do call('HDEL', key, slot) end\n"
    "end\n"
    "return reply\n";


const ai_str_t *
ai_redis_script(ai_redis_script_e script)
{
    static const ai_str_t  texts[AI_REDIS_MAX] = {
        { sizeof(ai_redis_epoch) - 1, (ai_char_t *) ai_redis_epoch },
        { sizeof(ai_redis_settle) - 1, (ai_char_t *) ai_redis_settle },
        { sizeof(ai_redis_grant) - 1, (ai_char_t *) ai_redis_grant },
        { sizeof(ai_redis_slide) - 1, (ai_char_t *) ai_redis_slide }
    };

    return &texts[script];
}
