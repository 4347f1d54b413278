"""Mail: a queue in the database, delivery in the background, and what proves a mailbox."""

from authingo.capabilities import Capability
from authingo.mail.settings import (
    MAIL_FAILED,
    MAIL_SENT,
    PASSWORD_RESET,
    PENDING_PURPOSE,
    RESET_PURPOSE,
    SIGN_IN_CODE_PURPOSE,
    VERIFY_PURPOSE,
    MailSettings,
)

MAIL = Capability(
    name="mail",
    settings=MailSettings,
    routes="authingo.mail.routes:ROUTES",
    events=(PASSWORD_RESET, MAIL_SENT, MAIL_FAILED),
    purposes=(RESET_PURPOSE, VERIFY_PURPOSE, PENDING_PURPOSE, SIGN_IN_CODE_PURPOSE),
    secret_settings=("url",),
    notices="authingo.mail.notices:notices",
    admits="authingo.mail.admission:require_verified",
    in_tests="authingo.mail.testing:in_memory",
    background="authingo.mail.sending:deliver_in_background",
)
