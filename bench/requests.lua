-- What wrk sends: the cookies of a file, one a line, in rotation; or, instead of a
-- file, "random": each time a well-formed session token that nobody has.
-- wrk ... -s requests.lua URL -- FILE [OFFSET [PAUSE [BESIDE CONNECTIONS]]]
-- With BESIDE, another path, both are asked for in turns of 100 ms, BESIDE first; at the
-- end the answers of each turn are printed, and its seconds.

local ffi = require("ffi")
ffi.cdef([[
  struct authingo_time { long seconds; long nanoseconds; };
  int clock_gettime(int, struct authingo_time *);
]])

local TURN = 0.1 -- seconds
local MONOTONIC = ffi.os == "OSX" and 6 or 1

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
local cookies, position, tail = {}, 0, ""
local heads = {} -- of one path; or of two that take turns
local turn, began, sent, counted_from = 1, 0, 0, 0
local connections = 0
local threads = {}
turns = "" -- those so far: "ANSWERS/SECONDS ..."

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
  ffi.C.clock_gettime(MONOTONIC, moment)
  return tonumber(moment.seconds) + tonumber(moment.nanoseconds) / 1e9
end

-- Count a request, and end the turn when its time is over. In each turn, as many as there
-- are connections are not counted: before them, answers of the turn before were waited for.
local function count()
  local time = now()
  if began == 0 then
    began, counted_from = time, time
  elseif time - began >= TURN then
    -- The answer before this request came in the turn that ends, however late it came.
    turns = turns .. " " .. math.max(0, sent + 1 - connections) .. "/" .. (time - counted_from)
    turn, began, counted_from, sent = 3 - turn, time, time, 0
  end
  sent = sent + 1
  if sent == connections then
    counted_from = time
  end
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
    print("Turns:" .. thread:get("turns"))
  end
end
