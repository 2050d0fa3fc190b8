"""Ids and secrets."""

from __future__ import annotations

import secrets

import pytest

from auth_service.crypto.secrets import new_id


def test_an_id_is_never_taken_for_an_option_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["-eAAAAAAAAAAAAAAAAAAAA", "--AAAAAAAAAAAAAAAAAAAA", "e-AAAAAAAAAAAAAAAAAAAA"])
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _bytes: next(drawn))
    assert new_id() == "e-AAAAAAAAAAAAAAAAAAAA"
