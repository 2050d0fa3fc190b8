"""Ids and secrets."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from auth_service.crypto import secrets


def test_an_id_is_never_taken_for_an_option_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["-eAAAAAAAAAAAAAAAAAAAA", "--AAAAAAAAAAAAAAAAAAAA", "e-AAAAAAAAAAAAAAAAAAAA"])
    # In this module alone: servers of other tests may be drawing secrets in this process, too.
    monkeypatch.setattr(secrets, "secrets", SimpleNamespace(token_urlsafe=lambda _bytes: next(drawn)))
    assert secrets.new_id() == "e-AAAAAAAAAAAAAAAAAAAA"
