"""The options of the login walk."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginOptions:
    """The options of ``--login``.

    Attributes:
        username, password: filled into the forms; None opens the browser.
        client_id, client_secret: a registered client, or the URL of a client ID metadata document; None
            registers a temporary client.
        redirect_port: the loopback port of that client's redirect URI; 0 for any.
        scope: the scope to request; None for the scope that a client would request.
        tool: a tool to call without arguments once connected; it should be read-only.
        patience_s: how long to wait for the person.
    """

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    redirect_port: int = 0
    scope: str | None = None
    tool: str | None = None
    patience_s: float = 300.0
