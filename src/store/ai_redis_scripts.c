
/*
 * The scripts for Redis; their header says what they do.
 *
 * No global may be set in Redis' Lua.  After the first write of a script no
 * call may fail: all is looked at before, and what the server refuses (out of
 * memory, read-only, a disk error) it refuses at the first write, if that is
 * one that needs memory.
 *
 * A counter with slots has a field for each node, not for each slot of each:
 * HGETALL of 1280 fields alone takes half a millisecond.  The sum in front of
 * it spares to look at the slots of others as long as all of them count.
 */

#include <store/ai_redis_scripts.h>


/* more fields than any counter has: it would stop Redis to look at them */
#define AI_REDIS_FIELDS  "10000"

/* the same for bytes of a field with slots */
#define AI_REDIS_SLOTS   "65536"

/* pairs of a scope: what Lua can pass on is limited */
#define AI_REDIS_PAIRS   "1000"

/* epochs before this one */
#define AI_REDIS_BEFORE  "64"

/* 2^53 */
#define AI_REDIS_MOST    "9007199254740992"


/*
 * nat(s): a number, nil if it is not one as this file writes them.
 */

#define AI_REDIS_LUA_BASE                                                     \
    "local call, find, match = redis.call, string.find, string.match\n"       \
    "local function nat(s)\n"                                                 \
    "  if s == '0' then return 0 end\n"                                       \
    "  local n = s and find(s, '^[1-9]%d*$') and tonumber(s)\n"               \
    "  if n and n < " AI_REDIS_MOST " then return n end\n"                    \
    "end\n"                                                                   \
    "local function kind(key) return call('TYPE', key).ok end\n"              \
    "local function wrong(what)\n"                                            \
    "  return redis.error_reply('ERR invalid ' .. what)\n"                    \
    "end\n"


static const ai_char_t  ai_redis_epoch[] =

    AI_REDIS_LUA_BASE
    "local known, new, ms = ARGV[1], ARGV[2], nat(ARGV[3])\n"
    "local function name(s)\n"
    "  return s and #s <= 64 and find(s, '^[%w_-]+$')\n"
    "end\n"
    "if #KEYS ~= 2 or KEYS[1] == KEYS[2] or #ARGV ~= 3 or not name(new)\n"
    "   or not (known == '' or name(known)) or not ms or ms < 1 or ms > 1e12\n"
    "then\n"
    "  return wrong('arguments')\n"
    "end\n"

    "local now, before, run\n"
    "local k = kind(KEYS[1])\n"
    "if k == 'hash' then\n"
    "  local h = call('HMGET', KEYS[1], 'now', 'before', 'run')\n"
    "  now, before, run = name(h[1]) and h[1], h[2], h[3]\n"
    "end\n"
    "local info = redis.pcall('INFO', 'server')\n"
    "local id = type(info) == 'string' and match(info, 'run_id:(%x+)')\n"

    /* the names that are not new to this server, the latest first */

    "local seen, past = {}, {}\n"
    "local function add(e)\n"
    "  if name(e) and not seen[e] then\n"
    "    seen[e] = true\n"
    "    if #past < " AI_REDIS_BEFORE " then past[#past + 1] = e end\n"
    "  end\n"
    "end\n"
    "add(now)\n"
    "if before and #before < 65 * " AI_REDIS_BEFORE " then\n"
    "  for e in string.gmatch(before, '%S+') do add(e) end\n"
    "end\n"
    "local strange = known ~= '' and not seen[known]\n"

    "if now and not strange and (not id or id == run) then return now end\n"

    "if strange then\n"
    "  if #past == " AI_REDIS_BEFORE " then past[#past] = nil end\n"
    "  table.insert(past, 1, known)\n"
    "end\n"
    "if k ~= 'hash' and k ~= 'none' then call('UNLINK', KEYS[1]) end\n"
    "call('HSET', KEYS[1], 'now', new, 'before', table.concat(past, ' '),\n"
    "     'run', id or run or '')\n"
    "if (now or known ~= '') and call('PTTL', KEYS[2]) < ms then\n"
    "  call('SET', KEYS[2], '1', 'PX', ARGV[3])\n"
    "end\n"
    "return new\n";


static const ai_char_t  ai_redis_share[] =

    AI_REDIS_LUA_BASE
    "local max, min = math.max, math.min\n"
    "local function text(n) return string.format('%.0f', n) end\n"
    "local function sum(a, b) return min(a + b, " AI_REDIS_MOST ") end\n"
    "local function hex(s) return s and find(s, '^[0-9a-f]+$') end\n"

    "if #KEYS < 2 then return wrong('keys') end\n"
    "local e = kind(KEYS[1]) == 'hash' and call('HGET', KEYS[1], 'now')\n"
    "if not e or e == '' or e ~= ARGV[1] then\n"
    "  return { 'epoch', e or '' }\n"
    "end\n"

    "local node, owner, sole = ARGV[2], ARGV[3], ARGV[4] == '1'\n"
    "local serial, lasts = nat(ARGV[5]), nat(ARGV[6])\n"
    "if not (hex(node) and hex(owner) and serial and lasts)\n"
    "   or lasts < 1 or lasts > 1e12 or not (sole or ARGV[4] == '0')\n"
    "then\n"
    "  return wrong('call')\n"
    "end\n"
    "local t = call('TIME')\n"
    "local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)\n"
    "local paused = call('PTTL', KEYS[2]) >= 0\n"

    /*
     * The sum of slots that count; nil: poisoned.  Into have, if that is
     * given, their amounts, as texts.  Else those that have slid out are taken
     * off, they are the first; a sum that is the most may have been more.
     */

    "local function slots(value, oldest, have)\n"
    "  local head, first = match(value, '^(%d+) (%d+) %d')\n"
    "  local left, first = nat(head), nat(first)\n"
    "  if not left or not first or #value > " AI_REDIS_SLOTS " then\n"
    "    return\n"
    "  end\n"
    "  local full = left == " AI_REDIS_MOST " - 1\n"
    "  local whole = have or full\n"
    "  if first >= oldest and not whole then return left end\n"
    "  local n, length = 0, #head\n"
    "  for slot, amount in string.gmatch(value, ' ([1-9]%d*) ([1-9]%d*)') do\n"
    "    length = length + #slot + #amount + 2\n"
    "    local s, a = tonumber(slot), tonumber(amount)\n"
    "    if s >= " AI_REDIS_MOST " or a >= " AI_REDIS_MOST " then return end\n"
    "    if s >= oldest then\n"
    "      if not whole then return left >= 0 and left or nil end\n"
    "      n = sum(n, a)\n"
    "      if have then have[s] = amount end\n"
    "    end\n"
    "    left = left - a\n"
    "  end\n"
    "  if length == #value and (full or left == 0) then return n end\n"
    "end\n"

    /* what is in a counter; nil: poisoned */

    "local function look(key, oldest)\n"
    "  local c = { known = 0, have = {}, others = 0, leased = 0, gone = {} }\n"
    "  local k = kind(key)\n"
    "  if k == 'none' then return c end\n"
    "  if k ~= 'hash' or call('HLEN', key) > " AI_REDIS_FIELDS " then\n"
    "    return\n"
    "  end\n"
    "  local all = call('HGETALL', key)\n"
    "  for i = 1, #all, 2 do\n"
    "    local name, value, n = all[i], all[i + 1]\n"
    "    local what, who, rest = match(name, '^([usl]):([0-9a-f]+)(.*)$')\n"
    "    local mine = who == node\n"
    "    if what == 'l' then\n"
    "      local by = match(rest, '^:([0-9a-f]+)$')\n"
    "      local a, b, s = match(value, '^(%d+) (%d+) (%d+)$')\n"
    "      local till\n"
    "      n, till, s = nat(a), nat(b), nat(s)\n"
    "      if not (by and n and till and s) then return end\n"
    "      if mine and by == owner then\n"
    "        c.serial = s\n"
    "      elseif till <= now or mine and sole then\n"
    "        c.gone[#c.gone + 1] = name\n"
    "      else\n"
    "        c.leased = sum(c.leased, n)\n"
    "      end\n"
    "    else\n"
    "      if rest ~= '' or what ~= (oldest and 's' or 'u') then return end\n"
    "      if oldest then\n"
    "        n = slots(value, oldest, mine and c.have)\n"
    "      else\n"
    "        n = nat(value)\n"
    "      end\n"
    "      if not n then return end\n"
    "      if mine then\n"
    "        c.known, c.old = n, value\n"
    "      else\n"
    "        c.others = sum(c.others, n)\n"
    "        if oldest and n == 0 then c.gone[#c.gone + 1] = name end\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "  return c\n"
    "end\n"

    /*
     * Adds what is told: told and beyond, which is what was known and is not
     * told; new, the value of the node's field, nil if it goes.
     */

    "local function add(c, oldest, told)\n"
    "  c.told, c.beyond = 0, 0\n"
    "  c.slides, c.own = oldest, (oldest and 's:' or 'u:') .. node\n"
    "  if not oldest then\n"
    "    c.told = told.u and nat(told.u) or 0\n"
    "    c.beyond = max(0, c.known - c.told)\n"
    "    local n = max(c.known, c.told)\n"
    "    c.new = n > 0 and text(n) or c.old\n"
    "    return\n"
    "  end\n"
    "  for s, amount in pairs(c.have) do\n"
    "    if not told[s] then c.beyond = sum(c.beyond, tonumber(amount)) end\n"
    "  end\n"
    "  for s, amount in pairs(told) do\n"
    "    if s >= oldest then\n"
    "      c.told = sum(c.told, tonumber(amount))\n"
    "      c.have[s] = amount ~= '0' and amount or nil\n"
    "    end\n"
    "  end\n"
    "  local list, n = {}, 0\n"
    "  for s in pairs(c.have) do list[#list + 1] = s end\n"
    "  table.sort(list)\n"
    "  for i, s in ipairs(list) do\n"
    "    n = sum(n, tonumber(c.have[s]))\n"
    "    list[i] = text(s) .. ' ' .. c.have[s]\n"
    "  end\n"
    "  if n > 0 then\n"
    "    c.new = text(min(n, " AI_REDIS_MOST " - 1)) .. ' '\n"
    "            .. table.concat(list, ' ')\n"
    "  end\n"
    "end\n"

    /* the worst word there is, and its first scope */

    "local word, where, rank = 'ok', 0, 0\n"
    "local function say(w, r, i)\n"
    "  if r > rank then word, rank, where = w, r, i end\n"
    "end\n"

    "local at, scopes, seen = 7, {}, { [KEYS[1]] = true }\n"
    "if seen[KEYS[2]] then return wrong('keys') end\n"
    "seen[KEYS[2]] = true\n"

    "for i = 1, #KEYS - 2 do\n"
    "  local key, oldest = KEYS[i + 2]\n"
    "  if ARGV[at] ~= '' then\n"
    "    oldest = nat(ARGV[at])\n"
    "    if not oldest then return wrong('slot') end\n"
    "  end\n"
    "  local limit, held = nat(ARGV[at + 1]), nat(ARGV[at + 2])\n"
    "  local least, most = nat(ARGV[at + 3]), nat(ARGV[at + 4])\n"
    "  local ttl, n = nat(ARGV[at + 5]), nat(ARGV[at + 6])\n"
    "  if not (limit and held and least and most and ttl and n)\n"
    "     or ttl < 1 or ttl > 1e9 or n > " AI_REDIS_PAIRS "\n"
    "     or seen[key]\n"
    "  then\n"
    "    return wrong('scope')\n"
    "  end\n"
    "  seen[key] = true\n"
    "  local told, expire = {}, ARGV[at + 5]\n"
    "  at = at + 7\n"
    "  for at = at, at + 2 * n - 1, 2 do\n"
    "    local name, amount = ARGV[at], ARGV[at + 1]\n"
    "    if oldest then name = nat(name) end\n"
    "    if not name or name == 0 or not oldest and name ~= 'u'\n"
    "       or told[name] or not nat(amount)\n"
    "    then\n"
    "      return wrong('amount')\n"
    "    end\n"
    "    told[name] = amount\n"
    "  end\n"
    "  at = at + 2 * n\n"

    "  local c, asked = look(key, oldest), least > 0 or most > 0\n"
    "  if not c then\n"
    "    scopes[i] = {}\n"
    "    if asked then say('poison', 3, i) end\n"
    "  else\n"
    "    scopes[i] = c\n"
    "    add(c, oldest, told)\n"
    "    local free = limit - c.others - c.beyond - c.told - c.leased - held\n"
    "    c.given = most > least and most <= free / 4 and most or least\n"
    "    c.held, c.expire = held, expire\n"
    "    if c.serial and c.serial > serial then\n"
    "      c.stale = true\n"
    "      say('stale', 4, i)\n"
    "    elseif asked and paused then\n"
    "      say('wait', 2, i)\n"
    "    elseif least > 0 and free < least then\n"
    "      say('no', 1, i)\n"
    "    end\n"
    "  end\n"
    "end\n"
    "if at ~= #ARGV + 1 then return wrong('number of arguments') end\n"

    "local reply = { word, where }\n"
    "local function out(...)\n"
    "  for _, s in ipairs({ ... }) do reply[#reply + 1] = s end\n"
    "end\n"
    "for i, c in ipairs(scopes) do\n"
    "  local key, given = KEYS[i + 2], 0\n"
    "  if word == 'ok' then given = c.given end\n"
    "  if not c.known then\n"
    "    out('-1', '0', '0', '0')\n"
    "  else\n"
    "    local used = c.slides and c.others or sum(c.others, c.beyond)\n"
    "    out(text(given), text(used), text(c.leased), text(c.known))\n"
    "  end\n"
    "  if c.known and not c.stale then\n"
    "    local set = { 'l:' .. node .. ':' .. owner, text(c.held + given)\n"
    "                  .. ' ' .. text(now + lasts) .. ' ' .. ARGV[5] }\n"
    "    if c.new ~= c.old then\n"
    "      if c.new then set[3], set[4] = c.own, c.new\n"
    "      else c.gone[#c.gone + 1] = c.own end\n"
    "    end\n"
    "    call('HSET', key, unpack(set))\n"
    "    for j = 1, #c.gone, 1000 do\n"
    "      call('HDEL', key, unpack(c.gone, j, min(j + 999, #c.gone)))\n"
    "    end\n"
    "    call('EXPIRE', key, c.expire)\n"
    "  end\n"
    "end\n"
    "return reply\n";


const ai_str_t *
ai_redis_script(ai_redis_script_e script)
{
    static const ai_str_t  texts[AI_REDIS_MAX] = {
        { sizeof(ai_redis_epoch) - 1, (ai_char_t *) ai_redis_epoch },
        { sizeof(ai_redis_share) - 1, (ai_char_t *) ai_redis_share }
    };

    return &texts[script];
}
