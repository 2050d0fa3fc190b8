"""Each kind of identity provider has a page, whose configuration is valid and matches its redirect URI."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from auth_service.protocol.identity_providers import PRESETS
from auth_service.provider_settings import ProviderConfiguration

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "identity-providers"
PAGES = sorted(GUIDE.glob("*.md"))
OVERVIEW = GUIDE.with_suffix(".md").read_text()
EXAMPLE = re.compile(r"^```json\n(\[.*?)^```", re.MULTILINE | re.DOTALL)
PROVIDERS = TypeAdapter(list[ProviderConfiguration])


def configured(text: str) -> list[ProviderConfiguration]:
    """The providers of all examples of a page; their secrets are not in files here."""
    examples = (example.replace("file:/run/secrets/", "secret-of-") for example in EXAMPLE.findall(text))
    return [provider for example in examples for provider in PROVIDERS.validate_python(json.loads(example))]


def test_every_preset_of_a_product_has_a_page_and_a_row_in_the_overview() -> None:
    names = {page.stem for page in PAGES}
    assert names == PRESETS.keys() - {"openid", "doorward"}
    assert set(re.findall(r"\(identity-providers/([\w-]+)\.md\) \| `([\w-]+)`", OVERVIEW)) == {
        (name, name) for name in names
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_example_of_a_page_is_valid_and_fits_the_uris_to_register(page: Path) -> None:
    text = page.read_text()
    [provider] = configured(text)
    assert (provider.id, provider.preset) == (page.stem, page.stem)
    uris = re.findall(r"https://auth\.example\.com/(callback|backchannel-logout)/([\w-]+)", text)
    assert ("callback", page.stem) in uris
    assert {name for _, name in uris} == {page.stem}
    assert f"*Log in with {provider.kind.label}*" in text
    assert "Nobody has tried it" in " ".join(text.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_states_what_its_preset_cannot_do(page: Path) -> None:
    preset, text = PRESETS[page.stem], page.read_text()
    assert preset.sends_auth_time or "sends no `auth_time`" in text
    assert preset.proves_email or "`domains` cannot be used" in text


def test_the_examples_of_the_overview_are_valid() -> None:
    assert [provider.id for provider in configured(OVERVIEW)] == ["corp"]
