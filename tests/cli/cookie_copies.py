"""The same request and the same cookies as the tools of browsers, and others, copy them.

Each form is a text with the two cookies of authingo in it: SESSION and
REFRESH stand for the values.
"""

from __future__ import annotations

URL = "https://app.example.com/api/auth/refresh"
CHROME_BASH = """\
curl 'https://app.example.com/api/auth/refresh' \\
  -X 'POST' \\
  -H 'accept: */*' \\
  -H 'content-length: 0' \\
  -b 'theme=dark; authingo_session=SESSION; authingo_refresh=REFRESH' \\
  -H 'user-agent: Mozilla/5.0 (X11; Linux x86_64)' \\
  --data-raw '{"text":"curl -b fake=1; -H Cookie: fake=2"}' \\
  --compressed"""
CHROME_ANSI = """\
curl 'https://app.example.com/api/auth/refresh' -X 'POST' \
-b $'theme=it\\'s \\u0021; authingo_session=SESSION; authingo_refresh=REFRESH' \
-H $'x: \\\\'"""
CHROME_CMD = """\
curl ^"https://app.example.com/api/auth/refresh^" ^\r
  -X ^"POST^" ^\r
  -H ^"accept: */*^" ^\r
  -b ^"theme=^%^41^\\^"; authingo_session=SESSION; authingo_refresh=REFRESH^" ^\r
  --data-raw ^"line^

line^" ^\r
  --compressed"""
FIREFOX_BASH = """\
curl 'https://app.example.com/api/auth/refresh' \\
  --compressed \\
  -X POST \\
  -H 'Referer: https://other.example.org/' \\
  -H 'Cookie: theme=dark; authingo_session=SESSION; authingo_refresh=REFRESH' \\
  -H 'Priority: u=4'"""
FIREFOX_CMD = """\
curl ^"https://app.example.com/api/auth/refresh^" ^
  -X POST ^
  -H ^"Cookie: theme=dark; authingo_session=SESSION; authingo_refresh=REFRESH^" ^
  -H ^"Pragma: no-cache^\""""
SAFARI_BASH = """\
curl 'https://app.example.com/api/auth/refresh' \\
-X 'POST' \\
-H 'Accept: */*' \\
-H 'Cookie: theme=dark; authingo_session=SESSION; authingo_refresh=REFRESH' \\
-H 'Host: app.example.com'"""
TYPED = (
    '$ curl -sH "cookie: theme=dark" -e https://other.example.org/ --cookie '
    '"authingo_session=SESSION; authingo_refresh=REFRESH" '
    "--url https://app.example.com/api/auth/refresh"
)
CHROME_POWERSHELL = """\
$session = New-Object Microsoft.PowerShell.Commands.WebRequestSession\r
$session.UserAgent = "Mozilla/5.0"\r
$session.Cookies.Add((New-Object System.Net.Cookie("theme", "a`"b`$$([char]233)", "/", "x")))\r
$session.Cookies.Add((New-Object System.Net.Cookie("authingo_session", "SESSION", "/", "x")))\r
$session.Cookies.Add((New-Object System.Net.Cookie("authingo_refresh", "REFRESH", "/", "x")))\r
Invoke-WebRequest -UseBasicParsing -Uri "https://app.example.com/api/auth/refresh" `\r
-Method "POST" `\r
-WebSession $session `\r
-Headers @{\r
"accept"="*/*"\r
}"""
OLD_POWERSHELL = """\
Invoke-WebRequest -Uri "https://app.example.com/api/auth/refresh" `
-Headers @{
"accept"="*/*"
  "cookie"="theme=dark; authingo_session=SESSION; authingo_refresh=REFRESH"
}"""
NODE_FETCH = """\
fetch("https://app.example.com/api/auth/refresh", {
  "headers": {
    "accept": "*/*",
    "cookie": "theme=\\"dark\\"; authingo_session=SESSION; authingo_refresh=REFRESH",
    "Referer": "https://other.example.org/"
  },
  "body": "{\\"cookie\\": \\"fake=1\\"}",
  "method": "POST"
});"""
CHROME_PANE = """\
Request URL
https://app.example.com/api/auth/refresh
Request Method
POST
Status Code
200 OK
accept
*/*
cookie
theme=dark; authingo_session=SESSION; authingo_refresh=REFRESH
origin
https://app.example.com"""
CHROME_RAW_PANE = """\
:authority: app.example.com
:method: POST
:path: /api/auth/refresh
:scheme: https
cookie: theme=dark; authingo_session=SESSION; authingo_refresh=REFRESH"""
FIREFOX_RAW_HEADERS = """\
POST /api/auth/refresh HTTP/1.1
Host: app.example.com
Accept: */*
Cookie: theme=dark; authingo_session=SESSION; authingo_refresh=REFRESH
Connection: keep-alive"""

SENT = {
    "Chrome, bash": CHROME_BASH,
    "Chrome, bash with an apostrophe": CHROME_ANSI,
    "Chrome, bash, one line": CHROME_BASH.replace("\\\n ", ""),
    "Chrome, bash, CRLF": CHROME_BASH.replace("\n", "\r\n"),
    "Chrome, cmd": CHROME_CMD,
    "Firefox, bash": FIREFOX_BASH,
    "Firefox, cmd": FIREFOX_CMD,
    "Safari, bash": SAFARI_BASH,
    "typed": TYPED,
    "Chrome and Firefox, PowerShell": CHROME_POWERSHELL,
    "an older Chrome, PowerShell": OLD_POWERSHELL,
    "Chrome, fetch for Node.js": NODE_FETCH,
    "Chrome, pane of headers": CHROME_PANE,
    "Chrome, pane of raw headers": CHROME_RAW_PANE,
    "Firefox, raw headers": FIREFOX_RAW_HEADERS,
}

CHROME_ROWS = """\
authingo_session\tSESSION\tapp.example.com\t/\t2026-12-25T10:00:00.000Z\t59\t✓\t✓\tLax\t\t\tMedium
authingo_refresh\tREFRESH\tapp.example.com\t/api/auth/refresh\t2026-12-25T10:00:00.000Z\t80\
\t✓\t\tStrict\t\t\tMedium
theme\tdark\t.example.com\t/\tSession\t9\t\t\t\t\t\tMedium"""
FIREFOX_ROWS = """\
Name\tValue\tDomain\tPath\tExpires / Max-Age\tSize\tHttpOnly\tSecure\tSameSite\tLast Accessed
authingo_session\tSESSION\tapp.example.com\t/\tFri, 25 Dec 2026 10:00:00 GMT\t59\ttrue\ttrue\
\tLax\tSat, 28 Nov 2026 10:00:00 GMT
authingo_refresh\tREFRESH\tapp.example.com\t/api/auth/refresh\tFri, 25 Dec 2026 10:00:00 GMT\
\t80\ttrue\tfalse\tStrict\tSat, 28 Nov 2026 10:00:00 GMT
theme\tdark\t.example.com\t/\tSession\t9\tfalse\tfalse\tNone\tSat, 28 Nov 2026 10:00:00 GMT"""
SAFARI_ROWS = """\
authingo_session\tSESSION\tapp.example.com\t/\t25/12/2026, 10:00:00\t59 B\t✓\t✓\tLax
authingo_refresh\tREFRESH\tapp.example.com\t/api/auth/refresh\t25/12/2026, 10:00:00\t80 B\t\
\t✓\tStrict
theme\tdark\t.example.com\t/\tSession\t9 B\t\t\t"""
EDIT_THIS_COOKIE = """\
[
{"domain": "app.example.com", "expirationDate": 1798192800.640689, "hostOnly": true,
 "httpOnly": true, "name": "authingo_session", "path": "/", "sameSite": "lax", "secure": true,
 "session": false, "storeId": "0", "value": "SESSION", "id": 1},
{"domain": "app.example.com", "expirationDate": 1798192800.640689, "hostOnly": true,
 "httpOnly": true, "name": "authingo_refresh", "path": "/api/auth/refresh", "sameSite": "strict",
 "secure": false, "session": false, "storeId": "0", "value": "REFRESH", "id": 2},
{"domain": ".example.com", "hostOnly": false, "httpOnly": false, "name": "theme", "path": "/",
 "sameSite": "unspecified", "secure": false, "session": true, "storeId": null, "value": "dark",
 "partitionKey": null, "firstPartyDomain": ""}
]"""
PLAYWRIGHT = """\
{"cookies": [
{"name": "authingo_session", "value": "SESSION", "domain": "app.example.com", "path": "/",
 "expires": 1798192800.640689, "httpOnly": true, "secure": true, "sameSite": "Lax"},
{"name": "authingo_refresh", "value": "REFRESH", "domain": "app.example.com",
 "path": "/api/auth/refresh", "expires": 1798192800.640689, "httpOnly": true, "secure": false,
 "sameSite": "Strict"},
{"name": "theme", "value": "dark", "domain": ".example.com", "path": "/", "expires": -1,
 "httpOnly": false, "secure": false, "sameSite": "Lax"}
], "origins": [{"origin": "https://app.example.com", "localStorage": [
{"name": "authingo_session", "value": "fake"}]}]}"""
SELENIUM = """\
[{"domain": "app.example.com", "expiry": 1798192800, "httpOnly": true, "name": "authingo_session",
 "path": "/", "sameSite": "Lax", "secure": true, "value": "SESSION"},
{"domain": "app.example.com", "expiry": 1798192800, "httpOnly": true, "name": "authingo_refresh",
 "path": "/api/auth/refresh", "sameSite": "Strict", "secure": false, "value": "REFRESH"},
{"domain": ".example.com", "httpOnly": false, "name": "theme", "path": "/", "secure": false,
 "value": "dark"}]"""
QUICK_MANAGER = """\
[{
\t"Host raw": "https://app.example.com/", "Name raw": "authingo_session", "Path raw": "/",
\t"Content raw": "SESSION", "Expires": "25-12-2026 10:00:00", "Expires raw": "1798192800",
\t"Send for": "Encrypted connections only", "Send for raw": "true", "HTTP only raw": "true",
\t"SameSite raw": "lax", "This domain only": "Valid for host only",
\t"This domain only raw": "true", "Store raw": "firefox-default", "First Party Domain": ""
},
{
\t"Host raw": "http://app.example.com/", "Name raw": "authingo_refresh",
\t"Path raw": "/api/auth/refresh", "Content raw": "REFRESH", "Expires raw": "1798192800",
\t"Send for raw": "false", "HTTP only raw": "true", "SameSite raw": "strict",
\t"This domain only raw": "true", "Store raw": "firefox-default"
},
{
\t"Host raw": "http://.example.com/", "Name raw": "theme", "Path raw": "/",
\t"Content raw": "dark", "Expires": "At the end of the session", "Expires raw": "0",
\t"Send for raw": "false", "HTTP only raw": "false", "SameSite raw": "no_restriction",
\t"This domain only raw": "false"
}]"""
JAR = """\
# Netscape HTTP Cookie File
#HttpOnly_app.example.com\tFALSE\t/\tTRUE\t1798192800.640689\tauthingo_session\tSESSION
#HttpOnly_app.example.com\tFALSE\t/api/auth/refresh\tFALSE\t1798192800.640689\
\tauthingo_refresh\tREFRESH
.example.com\tTRUE\t/\tFALSE\t-1\ttheme\tdark
"""

KEPT = {
    "Chrome, table": CHROME_ROWS,
    "Firefox, table": FIREFOX_ROWS,
    "Safari, table": SAFARI_ROWS,
    "EditThisCookie and Cookie-Editor": EDIT_THIS_COOKIE,
    "Playwright": PLAYWRIGHT,
    "Selenium": SELENIUM,
    "Cookie Quick Manager": QUICK_MANAGER,
    "a jar with fractions": JAR,
}
