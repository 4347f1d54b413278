"""Print src/codes.ts: the codes that an HTTP answer can carry, read from authingo/errors.py.

`npm run codes` writes the file, and `npm test` fails where it is not what this prints.
"""

import sys

from authingo.errors import AuthError, ConfigError, MailNotSent, Refused

# An application gives each `Refused` a code of its own.
NEVER_ANSWERED = {"auth_error", ConfigError.code, MailNotSent.code, Refused.code}


def codes() -> list[str]:
    """Walk down from AuthError, and leave out what no request can lead to."""
    found, todo = set(), [AuthError]
    while todo:
        kind = todo.pop()
        found.add(kind.code)
        todo += kind.__subclasses__()
    return sorted(found - NEVER_ANSWERED)


if __name__ == "__main__":
    lines = "".join(f'  "{code}",\n' for code in codes())
    sys.stdout.write(
        "// Written by `npm run codes` from authingo/errors.py. Do not edit.\n"
        f"export const serverCodes = [\n{lines}] as const;\n"
    )
