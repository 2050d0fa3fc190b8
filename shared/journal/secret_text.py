"""Masks secrets in text and by the names of members: tokens never reach the journal (JR-4). Pure."""

from __future__ import annotations

import re
import unicodedata

MASK = "***"

# Handles of this project keep their kind; a JWT or JWE begins with `{"` in base64url.
_HANDLE = re.compile(r"dw_([a-z]{2})_[A-Za-z0-9_-]{8,}")
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
    if "eyJ" in text:
        text = _JWT.sub(MASK, text)
    if "dw_" in text:
        text = _HANDLE.sub(rf"dw_\1_{MASK}", text)
    if "PRIVATE KEY" in text:
        text = _PEM.sub(MASK, text)
    if "://" in text:
        text = _USER_INFORMATION.sub(f"{MASK}@", text)
    text = _ISSUED.sub(MASK, _CREDENTIALS.sub(rf"\1\2{MASK}", text))
    return _PARAMETER.sub(rf"\1{MASK}", text) if _ASSIGNS.search(text) else text


def names_a_secret(name: str) -> bool:
    """Whether the value of a member with this name is a secret, such as `password` or `X-Api-Key`."""
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", name).casefold())
    return plain in _SECRET_WHOLE_NAMES or any(secret in plain for secret in _SECRET_NAMES)
