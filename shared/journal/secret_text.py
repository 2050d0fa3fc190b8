"""Masks secrets in text and by the names of members: tokens never reach the journal (JR-4). Pure."""

from __future__ import annotations

import re
import unicodedata

MASK = "***"

# Handles of this project keep their kind; a JWT or JWE begins with `{"` in base64url.
_HANDLE = re.compile(r"dw_([a-z]{2})_[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{8,})?")
_JWT = re.compile(r"eyJ[A-Za-z0-9_.-]{6,}")
# RFC 9110 §11.4: the scheme, one or more spaces, and a token68 or parameters.
_CREDENTIALS = re.compile(
    r"\b(bearer|dpop|basic|token|apikey|api-key)([ \t]+|%20|\+)(?!\*\*\*)[^\s\"',;&]{4,}", re.I
)
_USER_INFORMATION = re.compile(r"(?<=://)[^/?#\s]{1,512}@")
_PARAMETER = re.compile(
    # Without what a name begins with, which would be tried at every character.
    r"((?:(?:password|passwd|passphrase|secret|token|authorization|api[_-]?key|private[_-]?key|"
    r"credentials?|cookie|signature|assertion|otp)[\w.-]{0,20}|\bpwd|\bsig|\bcode)"
    r"\\{0,8}[\"']?\s{0,4}(?:[=:]|%3[AD])\s{0,4})"
    # A quoted value is masked as a whole; the quotes of JSON inside JSON follow backslashes.
    r"(?!\\{0,8}[\"']?\*\*\*)(?:\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|"
    r"\\{1,8}\"[^\"]*\"?|\\{1,8}'[^']*'?|[\[{][^\]}]*|[^\s&;,\"'}]+)",
    re.I | re.S,
)
_VALUE = r"(?:\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|[^\s\"']+)"
# Options of commands: --password VALUE, --db-password VALUE, -p VALUE.
_OPTION = re.compile(
    r"((?<![\w-])(?:--?(?:[a-z0-9]{1,15}-){0,3}(?:password|passwd|passphrase|passcode|pass|pwd|secret|token|"
    r"api-?key|credentials?|cookie|otp|auth)(?:-[a-z0-9]{1,15}){0,2}|-p)[ \t]{1,4})(?!-|\*\*\*)" + _VALUE,
    re.I,
)
# Several parameters follow the scheme (RFC 7616): all of them, up to the end of the line.
_CHALLENGED = re.compile(
    r"\b(digest|hawk|mutual|signature|negotiate|ntlm|aws4-hmac-sha256)[ \t]{1,4}"
    r"(?=[\w-]{1,40}[ \t]?=|[\w+/]{16})[^\r\n]*",
    re.I,
)
# RFC 6265 §4.2.1: one header contains all cookies.
_COOKIES = re.compile(r"(\b(?:set-)?cookies?[ \t]{0,4}[:=][ \t]{0,4})(?![\"'\\\s])[^\r\n\"']+", re.I)
# A name and its value as two members of JSON text.
_PAIR = re.compile(
    r"([\"'](?:name|key|field|header|variable)\\{0,8}[\"']\s{0,4}:\s{0,4}\\{0,8}[\"'][\w .-]{0,40}"
    r"(?:password|passwd|passphrase|secret|token|authorization|api[_-]?key|cookie|credential)[\w .-]{0,40}"
    r"\\{0,8}[\"']\s{0,4},\s{0,4}\\{0,8}[\"'](?:value|content|data|default)\\{0,8}[\"']\s{0,4}:\s{0,4}\\{0,8})"
    + _VALUE,
    re.I,
)
# Escapes of letters, digits and separators of names, in JSON and in URLs.
_ESCAPED = re.compile(r"\\{1,8}u00([2-7][0-9a-f])|%([2-7][0-9a-f])", re.I)
_ASSIGNS = re.compile(r"[=:]|%3[AD]", re.I)
_PEM = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.S
)
_ISSUED = re.compile(
    r"\b(?:gh[opsur]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{8,}|"
    r"sk-[\w-]{16,}|AKIA[A-Z0-9]{16}|AIza[\w-]{30,}|ya29\.[\w-]{16,})"
)
"""Tokens of other issuers that say by their prefix what they are."""

_SECRET_NAMES = (
    *("password", "passwd", "passphrase", "secret", "token", "authorization", "apikey", "privatekey"),
    *("credential", "cookie", "assertion", "accesskey", "signingkey"),
    *("passcode", "passwort", "codeverifier", "encryptionkey", "sshkey", "totp", "pwd"),
)
_SECRET_WHOLE_NAMES = frozenset(
    {"auth", "pwd", "pass", "pin", "otp", "code", "sig", "bearer", "dpop", "jwt", "key"}
)
_SEPARATORS = re.compile(r"[\W_]+")


def masked(text: str) -> str:
    """Return `text` without the secrets that can be recognized in it."""
    if "\\u00" in text or "%" in text:
        text = _ESCAPED.sub(_unescaped, text)
    if "eyJ" in text:
        text = _JWT.sub(MASK, text)
    if "dw_" in text:
        text = _HANDLE.sub(rf"dw_\1_{MASK}", text)
    if "PRIVATE KEY" in text:
        text = _PEM.sub(MASK, text)
    if "://" in text:
        text = _USER_INFORMATION.sub(f"{MASK}@", text)
    if "-" in text:
        text = _OPTION.sub(rf"\1{MASK}", text)
    text = _COOKIES.sub(rf"\1{MASK}", _CHALLENGED.sub(rf"\1 {MASK}", text))
    text = _PAIR.sub(rf'\1"{MASK}"', text)
    text = _ISSUED.sub(MASK, _CREDENTIALS.sub(rf"\1\2{MASK}", text))
    return _PARAMETER.sub(rf"\1{MASK}", text) if _ASSIGNS.search(text) else text


def _unescaped(match: re.Match[str]) -> str:
    character = chr(int(match.group(1) or match.group(2), 16))
    return character if character.isalnum() or character in "_-." else match.group(0)


def is_secret_option(text: str) -> bool:
    """Whether the next argument of a command is a secret, such as after `--password`."""
    return len(text) <= 64 and _OPTION.fullmatch(f"{text} x") is not None


def names_a_secret(name: str) -> bool:
    """Whether the value of a member with this name is a secret, such as `password` or `X-Api-Key`."""
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", name).casefold())
    return plain in _SECRET_WHOLE_NAMES or any(secret in plain for secret in _SECRET_NAMES)
