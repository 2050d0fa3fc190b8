"""Arguments of calls in the journal: by rule, bounded, and without secrets."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from shared.journal.event import canonical
from shared.journal.redaction import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NAMES,
    Redaction,
    key_names,
    redacted,
    without_secrets,
)
from shared.journal.secret_text import masked, names_a_secret

pytestmark = pytest.mark.requirement("JR-4")

HASH_KEY = b"k" * 32
SECRET = "Zk3vD0yq2mT1uS8xWb7pRgAB"
HANDLE = f"dw_at_{SECRET}{SECRET}"
JWT = f"eyJhbGciOiJFUzI1NiJ9.{SECRET}.{SECRET}"

TEXTS = [
    f"Bearer {SECRET}",
    f"authorization: bearer   {SECRET}",
    f"curl -H 'Authorization: Bearer {SECRET}' https://api.example/",
    f"DPoP {SECRET}",
    f"Basic {SECRET}==",
    HANDLE,
    f"see dw_rt_{SECRET}, please",
    f"é→{HANDLE}←é",
    JWT,
    f"https://example.com/?id_token_hint={JWT}&x=1",
    f"https://example.com/cb?code={SECRET}&state=1",
    f"https://example.com/?access_token={SECRET}",
    f"https://user:{SECRET}@example.com/",
    f"https://user:an@{SECRET}@example.com/",
    f"https://{SECRET}@github.com/a/b.git",
    f'{{"password": "{SECRET}"}}',
    f"{{'client_secret': '{SECRET}'}}",
    f'{{"password": "two words {SECRET}"}}',
    f'{{"password": "a quote \\" and {SECRET}"}}',
    f"export PASSWORD='two words {SECRET}'",
    f'{{"body": "{{\\"password\\": \\"two words {SECRET}\\"}}"}}',
    f'{{"passwords": ["a", "{SECRET}"]}}',
    f"https://example.com/?next=%2F%3Fpassword%3D{SECRET}",
    f"API_KEY={SECRET}",
    f"password: {SECRET}",
    f"ghp_{SECRET}",
    f"sk-{SECRET}",
    f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
    f"-----BEGIN EC PRIVATE KEY-----\n{SECRET}",
    f"mysql --password {SECRET} -h db",
    f"tool --db-password '{SECRET} two'",
    f"tool -p {SECRET}",
    f"tool --api-key {SECRET}",
    f"tool --token-file-secret {SECRET}",
    f'{{"\\u0070assword": "{SECRET}"}}',
    f'{{"pass\\u0077ord": "{SECRET}"}}',
    f"https://example.com/?%70assword={SECRET}",
    f'Authorization: Digest username="a", realm="b", nonce="c", response="{SECRET}"',
    f'Digest username="a", cnonce="{SECRET}"',
    f"Authorization: AWS4-HMAC-SHA256 Credential=a/b, Signature={SECRET}",
    f"Cookie: theme=dark; session={SECRET}",
    f"curl -H 'Cookie: a=1; b=2; session={SECRET}; c=3' https://example.com",
    f"Set-Cookie: a={SECRET}; Path=/",
    f'[{{"name": "password", "value": "{SECRET}"}}]',
    f'[{{"key":"DB_PASSWORD","value":"{SECRET} two"}}]',
]
LABELLED: list[Any] = [
    [{"name": "password", "value": SECRET}],
    {"env": [{"name": "DB_PASSWORD", "value": SECRET}, {"name": "HOME", "value": "/home"}]},
    {"headers": [{"key": "Authorization", "value": {"raw": SECRET}}]},
    {"headers": [["X-Api-Key", SECRET]]},
    {"args": ["--user", "a", "--password", SECRET]},
    {"args": ["-p", SECRET, "b"]},
    {json.loads('"\\u0070assword"'): SECRET},
]
NAMES = [
    *(
        "password",
        "Password",
        "passwd",
        "new_password",
        "ｐａｓｓｗｏｒｄ",
        "user_pwd",
        "passcode",
        "code_verifier",
        "PASSPHRASE",
        "secret",
        "clientSecret",
        "client_secret",
    ),
    *("token", "access_token", "refreshToken", "x-auth-token", "authorization", "Authorization", "api-key"),
    *(
        "apiKey",
        "private_key",
        "cookie",
        "Set-Cookie",
        "credentials",
        "otp",
        "pin",
        "code",
        "client_assertion",
    ),
]


def kept(arguments: dict[str, Any], rule: Redaction = Redaction.FULL) -> dict[str, Any]:
    result = redacted(arguments, rule, HASH_KEY)
    assert result is not None
    assert len(canonical(result)) <= MAX_BYTES + 64, "it is bounded, and has a form in the journal"
    return result


@pytest.mark.parametrize("text", TEXTS)
def test_secrets_are_masked_wherever_they_are(text: str) -> None:
    for arguments in (
        {"text": text},
        {"outer": [{"inner": ["a", text]}]},
        {text: 1},
        {"outer": {text: {"x": 1}}},
    ):
        for rule in Redaction:
            result = json.dumps(redacted(arguments, rule, HASH_KEY), ensure_ascii=False)
            assert SECRET not in result, rule
    assert SECRET[:12] not in masked(text)


@pytest.mark.parametrize("arguments", LABELLED)
def test_secrets_that_another_value_names_are_masked(arguments: Any) -> None:
    result = json.dumps(kept({"outer": arguments}))
    assert SECRET not in result
    assert "***" in result
    assert "/home" in result or "HOME" not in result


@pytest.mark.parametrize("name", NAMES)
def test_values_of_secret_names_are_masked_whatever_they_are(name: str) -> None:
    assert names_a_secret(name)
    for value in ("short", 1234, ["a", "b"], {"any": "thing"}, True):
        assert kept({name: value}) == {"full": {name: "***"}}
        assert kept({"a": [{name: value}]}) == {"full": {"a": [{name: "***"}]}}


def test_ordinary_text_stays_as_it_is() -> None:
    arguments = {
        "title": "Bearer of good news: tokens, at last",
        "repository": "doorward/doorward",
        "issue": 14,
        "open": True,
        "none": None,
        "labels": ["größer", "日本語", "😀"],
        "query": "is:open author:alice",
        "url": "https://example.com/a/b?page=2#top",
        "keyboard": "qwerty",
        "monkey": 1,
    }
    assert kept(arguments)["full"] | {"title": ""} == arguments | {"title": ""}


def test_each_rule_keeps_what_it_says() -> None:
    arguments = {"path": "/etc/motd", "options": {"mode": "r", "deep": {"x": {"y": 1}}}}
    assert redacted(arguments, Redaction.NONE, HASH_KEY) is None
    assert kept(arguments, Redaction.KEYS) == {
        "keys": ["options", "options.deep", "options.deep.x", "options.mode", "path"]
    }
    assert kept(arguments) == {"full": arguments}
    assert set(kept(arguments, Redaction.HASH)) == {"hash"}


def test_hashes_tell_whether_arguments_are_the_same_only_under_one_key() -> None:
    first = {"a": 1, "b": {"x": "1", "y": 2.5}}
    again = {"b": {"y": 2.5, "x": "1"}, "a": 1}
    assert redacted(first, Redaction.HASH, HASH_KEY) == redacted(again, Redaction.HASH, HASH_KEY)
    assert redacted(first, Redaction.HASH, HASH_KEY) != redacted({"a": 2}, Redaction.HASH, HASH_KEY)
    assert redacted(first, Redaction.HASH, HASH_KEY) != redacted(first, Redaction.HASH, b"x" * 32)
    assert kept({"a": "\ud800"}, Redaction.HASH) != kept({"a": "\ud801"}, Redaction.HASH)


@pytest.mark.parametrize("arguments", [None, [], "text", 5, True])
def test_arguments_that_are_not_an_object_are_not_kept(arguments: object) -> None:
    for rule in Redaction:
        assert redacted(arguments, rule, HASH_KEY) is None


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {"password": SECRET}
    for _ in range(depth):
        value = {"a": [value]}
    return value


@pytest.mark.parametrize(
    "arguments",
    [
        nested(5),
        nested(400),
        nested(20_000),
        {str(number): {"token": SECRET} for number in range(100_000)},
        {"items": list(range(100_000))},
        {"text": f"{'x' * 5_000} Bearer {SECRET}" * 200},
        {f"{'n' * 10_000}{number}": number for number in range(50)},
        {"a": "\ud800", "\udfff": "x"},
        {"f": 1.5, "i": 10**400, "n": -(2**60), "e": 1e300},
    ],
    ids=["nested", "deep", "deeper", "wide", "list", "long", "names", "surrogates", "numbers"],
)
def test_huge_and_odd_arguments_are_bounded(arguments: dict[str, Any]) -> None:
    for rule in (Redaction.KEYS, Redaction.FULL, Redaction.HASH):
        assert SECRET not in json.dumps(kept(arguments, rule))


def test_what_is_too_large_is_reduced_to_its_names() -> None:
    arguments = {f"name {number}": "x" * 400 for number in range(10)}
    assert kept(arguments) == {"keys": sorted(arguments), "truncated": True}
    many = {f"{number:03}": 1 for number in range(MAX_NAMES + 5)}
    assert key_names(many) == [f"{number:03}" for number in range(MAX_NAMES)] + ["…"]


def test_the_end_of_a_cut_text_does_not_reveal_a_part_of_a_secret() -> None:
    for length in range(440, 520):
        text = f"{'x' * length} Bearer {SECRET}"
        assert SECRET[:4] not in json.dumps(without_secrets({"text": text})), length
    for length in range(440, 520):
        text = f"{'x' * length} postgres://doorward:{SECRET}@db.example/x"
        assert SECRET[:4] not in json.dumps(without_secrets({"text": text})), length


def test_arguments_are_cut_at_a_depth() -> None:
    arguments: dict[str, Any] = {}
    for _ in range(2 * MAX_DEPTH):
        arguments = {"a": arguments}
    assert json.dumps(without_secrets(arguments)).count('"a"') == MAX_DEPTH


def test_masking_takes_time_in_proportion_to_the_text() -> None:
    def seconds(size: int) -> float:
        worst = 0.0
        for piece in ("password", "://", "a.", "bearer ", "eyJ", "token =", "dw_at_", "-----BEGIN ", "a" * 9):
            text = (piece * size)[: size * 4]
            before = time.process_time()
            masked(text)
            worst = max(worst, time.process_time() - before)
        return worst

    few, many = max(seconds(500) for _ in range(3)), min(seconds(4_000) for _ in range(3))
    assert many < 40 * max(few, 0.0005), "eight times the text is far from sixty-four times the time"


def test_random_nesting_never_shows_a_secret() -> None:
    randomness = random.Random(14)  # noqa: S311

    def value(depth: int) -> object:
        match randomness.randrange(6 if depth < 6 else 3):
            case 0:
                return randomness.choice(TEXTS)
            case 1:
                return randomness.choice([1, 2.5, None, True, "plain"])
            case 2:
                return {randomness.choice(NAMES): SECRET}
            case 3:
                return [value(depth + 1) for _ in range(randomness.randrange(4))]
            case _:
                names = [*NAMES, *TEXTS, "a", "b", "c"]
                return {randomness.choice(names): value(depth + 1) for _ in range(randomness.randrange(4))}

    for _ in range(2_000):
        arguments = {"root": value(0)}
        for rule in (Redaction.KEYS, Redaction.FULL):
            assert SECRET not in json.dumps(kept(arguments, rule), ensure_ascii=False)
