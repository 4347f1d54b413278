"""Ready-made pages: sign in, sign up, what links in mails lead to, and the account."""

from authingo.capabilities import Capability
from authingo.pages.settings import PagesSettings

PAGES = Capability(name="pages", settings=PagesSettings, site="authingo.pages.site:site")
