"""How a person wants the login walk to go."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginOptions:
    """What ``--login`` is given.

    Attributes:
        username, password: fill in the forms with these; None opens the browser.
        client_id, client_secret: a client that is registered already, or the URL of a client ID metadata
            document; None registers one for the occasion.
        redirect_port: the loopback port of that client's redirect URI; 0 for any.
        scope: what to ask for; None for what a client would.
        tool: a tool to call without arguments once connected; it had better change nothing.
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
