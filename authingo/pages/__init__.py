"""Ready-made pages: sign in, sign up, what links in mails lead to, and the account."""

from authingo.capabilities import Capability
from authingo.pages.settings import PagesSettings

PAGES = Capability(
    name="pages",
    settings=PagesSettings,
    site="authingo.pages.site:site",
    in_tests="authingo.pages.site:with_inbox_of_tests",
    serving="authingo.pages.site:with_own_inbox",
)
