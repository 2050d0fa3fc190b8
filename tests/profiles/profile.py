"""The known behavior of one MCP client, read from a file of `data/`. A new file is a new client.

The data say what goes over the wire, as far as it can make a difference to a server. Where one client does a
thing in two ways, as those do that introduce themselves by a document where they can and register elsewhere,
its file has both and it is played once in each.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tests.profiles.checks import CHECKS

DATA = Path(__file__).parent / "data"
PORT = "PORT"
"""In a redirect URI: whatever port is free when the client starts, so another one each time."""

Way = Literal["document", "registration"]
Leg = Literal["authorize", "token", "refresh"]


class Part(BaseModel):
    """A table of the file. A misspelt key is an error, not a habit left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Requests(Part):
    """The headers for the MCP server, and those of all requests.

    Attributes:
        revision: of MCP, which decides whether there is a session.
        probes: methods of requests without a token that come before the first one.
        protocol_header: whether MCP-Protocol-Version is there from the first request on, discovery included.
        headers: of every request that is not a browser's, to whichever server.
    """

    revision: Literal["2025-11-25", "2026-07-28"] = "2025-11-25"
    probes: tuple[Literal["HEAD", "GET", "POST", "OPTIONS"], ...] = ("POST",)
    protocol_header: bool = False
    headers: dict[str, str] = {}


class Discovery(Part):
    """Where it looks, in its order; it takes the first answer that is a document.

    Attributes:
        resource_metadata: `challenge` is where the 401 says, `path` and `root` are RFC 9728's places, `none`
            is a client from before there was such a thing.
        server_metadata: well-known names, at the issuer, or at the MCP origin where that stands for it.
    """

    resource_metadata: tuple[Literal["challenge", "path", "root", "none"], ...] = (
        "challenge",
        "path",
        "root",
    )
    server_metadata: tuple[Literal["oauth-authorization-server", "openid-configuration"], ...] = (
        "oauth-authorization-server",
        "openid-configuration",
    )


class Document(Part):
    """A client ID metadata document.

    Attributes:
        client_id: the URL it is at.
        metadata: its members, but for `client_id`.
        stands_for: why the document is not the one that the client publishes, where it is another.
    """

    client_id: str
    metadata: dict[str, Any]
    stands_for: str | None = None


class Registration(Part):
    """The registration request.

    Attributes:
        secret_by: how it shows a secret, if it is given one: in the body, or by Basic with the credentials
            as they are (`raw`), form-encoded (`form`), or with every sign but letters and digits encoded.
        client_id_beside_basic: whether the body repeats it.
    """

    body: dict[str, Any]
    secret_by: Literal["post", "raw", "form", "every sign"] = "form"
    client_id_beside_basic: bool = False


class Authorization(Part):
    """How it sends a person to the authorization server.

    Attributes:
        scope: those of the challenge, all that the authorization server lists, or no parameter at all.
        offline_access: whether it is added where the authorization server lists it.
        literal_scope: sent as it is, instead of all this.
        resource: how it spells it: as announced; in lower case and without a trailing slash; with one; not.
        resource_at: where it is sent.
        fetches_first: whether the URL is fetched once, without cookies, before the browser opens it.
    """

    redirect_uri: str
    scope: Literal["challenged", "all listed", "none"] = "challenged"
    offline_access: bool = False
    literal_scope: str | None = None
    resource: Literal["announced", "lower case", "trailing slash", "absent"] = "announced"
    resource_at: tuple[Leg, ...] = ("authorize", "token", "refresh")
    state: str = "a state"
    parameters: dict[str, str] = {}
    fetches_first: bool = False


class Refreshing(Part):
    """How it refreshes.

    Attributes:
        at_start: whether it does so at every start, however long its access token has still to live.
        at_once: how many processes do it with the same token.
        scope: whether the scopes are sent again.
    """

    at_start: bool = False
    at_once: int = Field(default=1, ge=1)
    scope: bool = False


class Ending(Part):
    """How a connection ends, and begins again.

    Attributes:
        revokes: whether it revokes its token when the user disconnects; else the user does, at the server.
        listed_as: what the page for unknown clients calls it; None where nobody needs to clear anything.
    """

    revokes: bool = False
    listed_as: str | None = None


class Profile(Part):
    """One client.

    Attributes:
        row: of the table of clients in the requirements; None for one that is not in it.
        checks: what it makes sure of before it goes on, by name (`checks.CHECKS`).
    """

    name: str
    row: str | None = None
    notes: str = ""
    requests: Requests = Requests()
    discovery: Discovery = Discovery()
    document: Document | None = None
    registration: Registration | None = None
    authorization: Authorization
    refreshing: Refreshing = Refreshing()
    ending: Ending = Ending()
    checks: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_complete(self) -> Profile:
        if not self.ways:
            raise ValueError("a client needs a document, a registration, or both")
        if unknown := set(self.checks) - CHECKS.keys():
            raise ValueError(f"there are no checks called {sorted(unknown)}")
        return self

    @property
    def ways(self) -> tuple[Way, ...]:
        """How it introduces itself, the way that it prefers first."""
        known_deviations: tuple[tuple[Way, object], ...] = (
            ("document", self.document),
            ("registration", self.registration),
        )
        return tuple(way for way, there in known_deviations if there is not None)


def load(file: Path) -> Profile:
    """The profile in `file`.

    Raises:
        pydantic.ValidationError: it does not make sense; says where.
    """
    return Profile.model_validate(tomllib.loads(file.read_text()))


PROFILES = {file.stem: load(file) for file in sorted(DATA.glob("*.toml"))}
"""Every client, by the name of its file."""
