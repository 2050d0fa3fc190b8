"""Encrypted files: readable by other programs for the format, and refused if one bit is changed (OP-4)."""

from __future__ import annotations

import base64
import io

import pytest

from auth_service.crypto import age, bech32
from auth_service.crypto.age import (
    CHUNK_BYTES,
    Encryptor,
    Identity,
    Passphrase,
    PrivateKey,
    PublicKey,
    Recipient,
    WrongKeyError,
    decrypted,
)
from auth_service.crypto.age_header import DamagedFileError

pytestmark = pytest.mark.requirement("OP-4")

KEY = PrivateKey(bytes(range(32)))
WORDS = Passphrase("seven moss harbours at dawn")

# Made by rage 0.11 for the public key of KEY, with an unknown stanza beside it.
FOREIGN = base64.b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBOVm1YTTlJTE1aWm53OU03eUpiWU9abUFLWmMzdnFXYzZsMnA0TkRlZjFBClVV"
    "WGRLVUdJVUplSElPZDViRTRGSlhZRkVDRmlndVZ6QkdnNFRmeVZvck0KLT4gNyY0MyMpayItZ3JlYXNlIGlGIFA8YyBTfCg0IgozK24z"
    "RE5VS2RLMDhJcTV4QUt6ZUdzeERqNjVpWmtHOWVUbwotLS0gMERhMWxjU3hHZlBjVlhjaEJ4UUxRaVVjL2tQZnRyUUdmZ1Iwbm9ST0lB"
    "dwrfZ61oYfOYQP+nIpfvxFwKt9xrWirZf1+UWetNoISXImYjjey04MOhnt1J6AkLzjVjXuvmpNnt"
)


@pytest.fixture(autouse=True)
def cheap_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(age, "SCRYPT_LOG_N", 4)


def encrypted(data: bytes, *recipients: Recipient) -> bytes:
    file = io.BytesIO()
    encryptor = Encryptor(file, recipients or (KEY.public_key(),))
    for start in range(0, len(data), 50_000):
        encryptor.write(data[start : start + 50_000])
    encryptor.finish()
    return file.getvalue()


def opened(file: bytes, identity: Identity = KEY) -> bytes:
    return b"".join(decrypted(io.BytesIO(file), identity))


def test_a_file_by_another_program_is_read() -> None:
    assert opened(FOREIGN) == b"read by another program"


def test_keys_have_the_text_that_other_programs_use() -> None:
    public = "age13aqvttdk3ujkyjh9kg2w5an6dmy5mq5a84a4uxk3hfhnugfc9p0sy5p2wh"
    private = "AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SWRYDWG"
    assert (str(KEY.public_key()), KEY.secret_text()) == (public, private)
    assert PublicKey.parse(f"{public}\n") == KEY.public_key()
    assert PrivateKey.parse(private) == KEY
    assert PrivateKey.generate() != PrivateKey.generate()
    assert private not in repr(KEY)


@pytest.mark.parametrize(
    "text",
    [
        *("", "age1", "age", "age1é", "1" * 99),
        "age13aqvttdk3ujkyjh9kg2w5an6dmy5mq5a84a4uxk3hfhnugfc9p0sy5p2wq",
        "aGe13aqvttdk3ujkyjh9kg2w5an6dmy5mq5a84a4uxk3hfhnugfc9p0sy5p2wh",
        bech32.encode("age", b"short"),
        bech32.encode("other", bytes(32)),
    ],
)
def test_what_is_not_a_key_is_refused(text: str) -> None:
    for parse in (PublicKey.parse, PrivateKey.parse):
        with pytest.raises(ValueError, match=r"it is not|wrong|mixed"):
            parse(text)


@pytest.mark.parametrize("length", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_content_of_every_length_comes_back(length: int) -> None:
    data = bytes(range(251)) * (length // 251 + 1)
    assert opened(encrypted(data[:length])) == data[:length]


def test_each_of_several_keys_opens_a_file_and_another_does_not() -> None:
    other = PrivateKey.generate()
    file = encrypted(b"content", other.public_key(), KEY.public_key())
    assert opened(file) == opened(file, other) == b"content"
    for identity in (PrivateKey.generate(), WORDS):
        with pytest.raises(WrongKeyError):
            opened(file, identity)


def test_only_the_same_passphrase_opens_a_file() -> None:
    file = encrypted(b"content", WORDS)
    assert opened(file, WORDS) == b"content"
    for identity in (Passphrase(f"{WORDS.text} "), KEY):
        with pytest.raises(WrongKeyError):
            opened(file, identity)
    assert WORDS.text not in repr(WORDS)
    assert file != encrypted(b"content", WORDS)


@pytest.mark.parametrize("recipient", [KEY.public_key(), WORDS], ids=["public key", "passphrase"])
def test_a_file_with_one_changed_bit_is_refused(recipient: Recipient) -> None:
    file = encrypted(b"content", recipient)
    identity = WORDS if recipient is WORDS else KEY
    for position in range(len(file)):
        changed = bytearray(file)
        changed[position] ^= 1
        with pytest.raises((DamagedFileError, WrongKeyError)):
            opened(bytes(changed), identity)


def test_a_file_that_was_cut_off_or_continued_is_refused() -> None:
    file = encrypted(bytes(2 * CHUNK_BYTES + 10))
    header = len(file) - (2 * CHUNK_BYTES + 10 + 3 * 16)
    ends = [*range(header + 20), header + CHUNK_BYTES + 16, header + 2 * (CHUNK_BYTES + 16), len(file) - 1]
    for end in ends:
        with pytest.raises((DamagedFileError, WrongKeyError)):
            opened(file[:end])
    for more in (b"\0", file[-26:], bytes(CHUNK_BYTES + 16)):
        with pytest.raises(DamagedFileError):
            opened(file + more)


def test_chunks_in_another_order_are_refused() -> None:
    file = encrypted(bytes(3 * CHUNK_BYTES))
    size = CHUNK_BYTES + 16
    start = len(file) - 3 * size
    chunks = [file[start + i * size : start + (i + 1) * size] for i in range(3)]
    for order in ([1, 0, 2], [0, 0, 2], [0, 2], [0, 1, 1]):
        with pytest.raises(DamagedFileError):
            opened(file[:start] + b"".join(chunks[i] for i in order))


def test_a_passphrase_beside_another_recipient_is_refused() -> None:
    with pytest.raises(DamagedFileError, match="beside"):
        opened(encrypted(b"content", WORDS, KEY.public_key()), WORDS)


@pytest.mark.parametrize("cost", ["0", "21", "99", "-1", "4.0", "9" * 500])
def test_a_passphrase_that_would_cost_too_much_is_refused(cost: str) -> None:
    file = encrypted(b"content", WORDS)
    with pytest.raises(DamagedFileError):
        opened(file.replace(b" 4\n", f" {cost}\n".encode(), 1), WORDS)
