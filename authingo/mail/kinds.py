"""The kinds of mails, and the function that writes what each says at the moment it is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from authingo.core import Core
from authingo.mail.deletions import write_undo_deletion
from authingo.mail.email_changes import write_change, write_undo
from authingo.mail.invitations import INVITATION, write_invitation
from authingo.mail.links import Content
from authingo.mail.mailed_codes import write_code
from authingo.mail.notices import EMAIL_CHANGED, PASSWORD_CHANGED, USER_DELETED, write_notice
from authingo.mail.resets import write_reset
from authingo.mail.settings import (
    CHANGE_PURPOSE,
    REAUTHENTICATION_CODE_PURPOSE,
    RESET_PURPOSE,
    SIGN_IN_CODE_PURPOSE,
    UNDO_DELETION_PURPOSE,
    UNDO_PURPOSE,
    VERIFY_PURPOSE,
)
from authingo.mail.sign_ups import SIGN_UP, write_sign_up
from authingo.mail.verification import write_verification
from authingo.stores.mails import Mail

KINDS: Mapping[str, Callable[[Core, Mail], Awaitable[Content | None]]] = {
    RESET_PURPOSE: write_reset,
    VERIFY_PURPOSE: write_verification,
    INVITATION: write_invitation,
    SIGN_UP: write_sign_up,
    SIGN_IN_CODE_PURPOSE: write_code,
    CHANGE_PURPOSE: write_change,
    UNDO_PURPOSE: write_undo,
    REAUTHENTICATION_CODE_PURPOSE: write_code,
    PASSWORD_CHANGED: write_notice,
    EMAIL_CHANGED: write_notice,
    USER_DELETED: write_notice,
    UNDO_DELETION_PURPOSE: write_undo_deletion,
}
