"""The configuration of one installation: its secrets and its protected resources."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self
from urllib.parse import quote

from shared import base64url
from shared.cli.console import CommandError
from shared.cli.policy_files import policy_in
from shared.cli.private_files import create_private_file
from shared.mounts import is_on, mounts_in

RESOURCE_SERVER_ID = "resource"
NOTES = {
    "name": "Doorward notes",
    "scopes": {"notes:read": "Read your notes", "notes:write": "Add notes for you"},
    "default_scopes": ["notes:read", "notes:write"],
}


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file for the settings of both services."""
    return f"sqlite:///{quote(str(path.resolve()))}"


def resource_servers(
    resource: str, secret: str, environment: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """Return the resource servers of the authorization server that match the resource service.

    Args:
        resource: the URL that a person pastes into a client.
        secret: authenticates the resource service at the introspection endpoint.
        environment: of the resource service; may replace the built-in MCP server by others.
    """
    resources = list(_resources(resource, environment))
    return [{"id": RESOURCE_SERVER_ID, "secret": secret, "resources": resources}]


def _resources(resource: str, environment: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    mounts = _mounts(environment.get("DOORWARD_MOUNTS", "{}"))
    policy = environment.get("DOORWARD_POLICY")
    if environment.get("DOORWARD_UPSTREAM"):
        name = environment.get("DOORWARD_RESOURCE_NAME", "MCP server")
        yield {"resource": resource, "name": name, **_scopes(policy)}
    elif mounts and is_on(environment, "DOORWARD_JOIN"):
        yield {
            "resource": resource,
            "name": environment.get("DOORWARD_RESOURCE_NAME", "MCP servers"),
            "joins": {path.removeprefix("/"): _beside(resource, path) for path in mounts},
        }
    elif not mounts:
        yield {"resource": resource, **({"name": NOTES["name"], **_scopes(policy)} if policy else NOTES)}
    for path, mount in mounts.items():
        details = mount if isinstance(mount, dict) else {}
        yield {
            "resource": _beside(resource, path),
            "name": details.get("name") or path.removeprefix("/"),
            **_scopes(details.get("policy")),
        }


def _beside(resource: str, path: str) -> str:
    """Return the URL of a mount, beside that of the main resource."""
    return f"{resource.rpartition('/')[0]}{path}"


def _scopes(policy: str | None) -> dict[str, Any]:
    """Return the scopes and descriptions that the policy in a file adds to a resource."""
    return {"scopes": dict(policy_in(Path(policy)).scopes)} if policy else {}


def _mounts(text: str) -> dict[str, Any]:
    """Parse the mounts; errors are ignored, because the resource service reports them."""
    with suppress(ValueError):
        return mounts_in(text)
    return {}


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of an installation, generated once.

    Attributes:
        master_keys: ``ID:BASE64URL``, as in ``DOORWARD_MASTER_KEYS``.
        resource_secret: authenticates the resource service at the introspection endpoint.
    """

    master_keys: str
    resource_secret: str

    @classmethod
    def fresh(cls) -> Self:
        """Generate new secrets of 256 bits each."""
        master_key = base64url.encode(secrets.token_bytes(32))
        return cls(master_keys=f"1:{master_key}", resource_secret=secrets.token_urlsafe(32))

    @classmethod
    def kept_in(cls, path: Path) -> Self:
        """Read the secrets in `path`; if the file does not exist, generate them and write it.

        Raises:
            CommandError: the file has other content.
        """
        with suppress(FileExistsError):
            create_private_file(path, json.dumps(asdict(cls.fresh()), indent=2) + "\n")
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise CommandError(
                f"{path} does not contain the secrets of this installation: {error}"
            ) from error
