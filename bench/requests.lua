-- What wrk sends: the cookies of a file, one a line, in rotation; or, instead of a
-- file, "random": each time a well-formed session token that nobody has.
-- wrk ... -s requests.lua URL -- FILE [OFFSET [PAUSE [BESIDE CONNECTIONS]]]
-- With BESIDE, another path, both are asked for in turns of 50 ms, BESIDE first; the rates
-- of all turns are printed at the end.

local ffi = require("ffi")
ffi.cdef([[
  struct authingo_time { long seconds; int32_t microseconds; int32_t rest; };
  int gettimeofday(struct authingo_time *, void *);
]])

local TURN = 0.05 -- seconds

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
local cookies, position, tail = {}, 0, ""
local heads = {} -- of one path; or of two that take turns
local turn, began, sent, counted_from, last = 1, 0, 0, 0, 0
local connections = 0
local threads = {}
rates = "" -- of the turns so far, requests a second

local function random_cookie()
  local letters = {}
  for i = 1, 42 do
    local n = math.random(64)
    letters[i] = ALPHABET:sub(n, n)
  end
  local n = math.random(0, 15) * 4 + 1 -- the last of 43 characters holds four bits
  return "authingo_session=" .. table.concat(letters) .. ALPHABET:sub(n, n)
end

local function next_cookie()
  position = position % #cookies + 1
  return cookies[position]
end

function init(args)
  if args[1] == "random" then
    next_cookie = random_cookie
    math.randomseed(os.time() + (tonumber(args[2]) or 0))
  else
    for line in io.lines(args[1]) do
      cookies[#cookies + 1] = line
    end
    position = tonumber(args[2]) or 0
  end
  local pause = tonumber(args[3]) or 0 -- ms between an answer and the next request, on average
  if pause > 0 then
    function delay()
      return math.random(0, 2 * pause)
    end
  end
  for _, path in ipairs({ args[4] or wrk.path, args[4] and wrk.path }) do
    heads[#heads + 1] = "GET "
      .. path
      .. " HTTP/1.1\r\nHost: "
      .. wrk.host
      .. ":"
      .. wrk.port
      .. "\r\nCookie: "
  end
  connections = tonumber(args[5])
  tail = "\r\nX-Authingo-Client: true\r\n\r\n"
end

local moment = ffi.new("struct authingo_time")

local function now()
  ffi.C.gettimeofday(moment, nil)
  return tonumber(moment.seconds) + tonumber(moment.microseconds) / 1e6
end

-- Count a request, and end the turn when its time is over. As many as there are
-- connections are not counted: before them, answers of the turn before were waited for.
local function count()
  local time = now()
  if began == 0 then
    began = time
  elseif time - began >= TURN then
    local counted = sent - connections
    rates = rates .. " " .. (counted > 0 and counted / (last - counted_from) or 0)
    turn, began, sent = 3 - turn, time, 0
  end
  sent = sent + 1
  if sent == connections then
    counted_from = time
  end
  last = time
end

function setup(thread)
  threads[#threads + 1] = thread
end

function request()
  if heads[2] then
    count()
  end
  return heads[turn] .. next_cookie() .. tail
end

function done()
  for _, thread in ipairs(threads) do
    print("Turns:" .. thread:get("rates"))
  end
end
