"""Free text, encoded for headers, environment variables and log lines. Pure."""

from __future__ import annotations

import re
import string
from urllib.parse import quote

# All printable ASCII except the percent sign, and the space, which a recipient would trim at both ends.
_PLAIN = (string.ascii_letters + string.digits + string.punctuation).replace("%", "")
_IS_PLAIN = re.compile(r"[\x21-\x24\x26-\x7e]*\Z")


def encoded(text: str) -> str:
    """Encode `text` as printable ASCII without spaces.

    Everything else, and the percent sign, is percent-encoded as UTF-8 (RFC 3986 §2.1): decoding restores the
    exact text, and a line break cannot start a new header or log entry.
    """
    return text if _IS_PLAIN.match(text) else quote(text, safe=_PLAIN, errors="surrogatepass")
