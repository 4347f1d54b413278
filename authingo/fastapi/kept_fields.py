"""What somebody typed into a form that was not accepted, so that it can be sent again.

The Back button is not enough: Firefox forgets what was typed into a page that has
`Cache-Control: no-store`, as a page for signed-in users should.
"""

from __future__ import annotations

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import HTTPConnection, Request

LARGEST = 256 * 1024  # bytes of a body; a stranger can send one too
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

Fields = list[tuple[str, str]]


async def typed_fields(connection: HTTPConnection) -> Fields | None:
    """Return the fields of a form's POST; None if they cannot be sent again.

    That is the case if the form is large, has a file, which no page can put into a form, or is in
    an encoding with characters that cannot be written.
    """
    if not isinstance(connection, Request) or connection.method != "POST":
        return None
    headers = connection.headers
    length = headers.get("content-length", "")
    if not headers.get("content-type", "").lower().startswith(_FORMS):
        return None
    if not (length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= LARGEST):
        return None
    try:
        form = await connection.form()  # FastAPI may have read it before
    # It cannot be parsed. Older Starlettes let a ValueError of their parser through.
    except (HTTPException, MultiPartException, ValueError):
        return None
    fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    has_file = any(isinstance(value, UploadFile) for _, value in form.multi_items())
    await connection.close()  # the files of the form
    if has_file or not all(_is_text(part) for field in fields for part in field):
        return None
    return fields


def _is_text(value: str) -> bool:
    """Return whether it can be written into a page: some encodings decode to half characters."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
