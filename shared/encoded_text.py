"""Text of people, as a header, an environment variable or a line of the log can hold it. Pure."""

from __future__ import annotations

import string
from urllib.parse import quote

# All printable ASCII but the space, which a recipient would trim off the ends, and the percent sign itself.
_PLAIN = (string.ascii_letters + string.digits + string.punctuation).replace("%", "")


def encoded(text: str) -> str:
    """`text` in printable ASCII without spaces.

    Everything else, and the percent sign, is percent-encoded, as UTF-8 (RFC 3986 §2.1): decoding gives back
    exactly what it was, and no line break begins a header, or an entry of a log, of its own.
    """
    return quote(text, safe=_PLAIN, errors="surrogatepass")
