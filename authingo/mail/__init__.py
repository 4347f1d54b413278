"""Mail: a queue in the database, delivery in the background, and what proves a mailbox."""

from authingo.capabilities import Capability
from authingo.mail.settings import (
    ASKED_PURPOSE,
    CHANGE_PURPOSE,
    DELETION_UNDONE,
    EMAIL_CHANGE_UNDONE,
    MAIL_FAILED,
    MAIL_HELD_BACK,
    MAIL_SENT,
    PASSWORD_RESET,
    PENDING_PURPOSE,
    REAUTHENTICATION_CODE_PURPOSE,
    RESET_PURPOSE,
    SIGN_IN_CODE_PURPOSE,
    UNDO_DELETION_PURPOSE,
    UNDO_PURPOSE,
    VERIFY_PURPOSE,
    MailSettings,
)

MAIL = Capability(
    name="mail",
    settings=MailSettings,
    routes="authingo.mail.routes:ROUTES",
    events=(
        PASSWORD_RESET,
        EMAIL_CHANGE_UNDONE,
        DELETION_UNDONE,
        MAIL_SENT,
        MAIL_FAILED,
        MAIL_HELD_BACK,
    ),
    purposes=(
        RESET_PURPOSE,
        VERIFY_PURPOSE,
        PENDING_PURPOSE,
        CHANGE_PURPOSE,
        ASKED_PURPOSE,
        UNDO_PURPOSE,
        UNDO_DELETION_PURPOSE,
        SIGN_IN_CODE_PURPOSE,
        REAUTHENTICATION_CODE_PURPOSE,
    ),
    lasting_purposes=(UNDO_PURPOSE,),
    secret_settings=("url",),
    notices="authingo.mail.notices:notices",
    noticed="authingo.mail.queue:wake",
    admits="authingo.mail.admission:require_verified",
    in_tests="authingo.mail.testing:in_memory",
    methods="authingo.mail.reauthentication_codes:methods_of",
    background="authingo.mail.sending:deliver_in_background",
)
