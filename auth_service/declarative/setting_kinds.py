"""The settings that a file can declare: identity providers and resource servers, each known by its id.

An entry has the members of the setting of the same name, which validates it; its secret is kept apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr

from auth_service.protocol.identity_providers import PRESETS
from auth_service.provider_settings import ProviderConfiguration
from auth_service.resource_settings import ResourceServer
from shared.uris import resource_key

_UNKNOWN_SECRET = SecretStr("-" * 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingKind:
    """One kind of setting.

    Attributes:
        section: its section in the file, and the name of the setting.
        secret: the member with the secret.
        urls: the URLs in a configuration that no other entry may have.
    """

    section: str
    model: type[BaseModel]
    secret: str
    secret_required: bool
    urls: Callable[[Mapping[str, Any]], list[str]]

    @property
    def keys(self) -> tuple[str, ...]:
        """The members of an entry."""
        return tuple(name for name in self.model.model_fields if name != "id")

    def build(self, entry_id: str, configuration: Mapping[str, Any], secret: str | None) -> BaseModel:
        """Return the setting.

        Raises:
            ValueError: the setting is not valid.
        """
        secrets = {} if secret is None else {self.secret: SecretStr(secret)}
        return self.model.model_validate({**configuration, "id": entry_id, **secrets})

    def canonical(self, entry_id: str, members: Mapping[str, object], *, has_secret: bool) -> dict[str, Any]:
        """Return the configuration in the form in which it is stored and compared, without the secret.

        Raises:
            pydantic.ValidationError: the configuration is not valid.
            ValueError: the configuration contains a secret, which would be stored as it is.
        """
        secrets = {self.secret: _UNKNOWN_SECRET} if has_secret or self.secret_required else {}
        setting = self.model.model_validate({**members, "id": entry_id, **secrets})
        dumped: dict[str, Any] = _plain(setting.model_dump(exclude_unset=True, exclude={"id", self.secret}))
        return dumped


def _issuer(configuration: Mapping[str, Any]) -> list[str]:
    preset = PRESETS.get(configuration.get("preset", "openid"))
    issuer = configuration.get("issuer") or (preset.issuer if preset else None)
    return [issuer] if issuer else []


def _resources(configuration: Mapping[str, Any]) -> list[str]:
    return [resource_key(resource["resource"]) for resource in configuration.get("resources", ())]


IDENTITY_PROVIDERS = SettingKind(
    section="identity_providers",
    model=ProviderConfiguration,
    secret="client_secret",  # noqa: S106 -- the name of a member
    secret_required=False,
    urls=_issuer,
)
RESOURCE_SERVERS = SettingKind(
    section="resource_servers",
    model=ResourceServer,
    secret="secret",  # noqa: S106 -- the name of a member
    secret_required=True,
    urls=_resources,
)
KINDS = {kind.section: kind for kind in (RESOURCE_SERVERS, IDENTITY_PROVIDERS)}


def _plain(value: Any) -> Any:  # noqa: ANN401 -- JSON
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, SecretStr):
        raise ValueError("client_secret cannot be declared here: name its file as client_secret_file")
    if isinstance(value, set | frozenset):
        return sorted(value)
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
