-- What wrk sends: the cookies of a file, one a line, in rotation; or, instead of a
-- file, "random": each time a well-formed session token that nobody has.
-- wrk ... -s requests.lua URL -- FILE [OFFSET [PAUSE]]

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
local cookies, position, head, tail = {}, 0, "", ""

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
  head = "GET " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\nCookie: "
  tail = "\r\nX-Authingo-Client: true\r\n\r\n"
end

function request()
  return head .. next_cookie() .. tail
end
