"""The API key of a person in the environment of their own process, which ends with the key."""

from __future__ import annotations

from contextlib import ExitStack

from starlette.types import Scope

from resource_service.connected_accounts.request_account import RequestAccount, account_in
from resource_service.gateway.errors import failed
from resource_service.gateway.stdio_connection import StdioConnection
from resource_service.introspection.leases import Ending
from resource_service.reasons import Reason


class ProcessAccount:
    """The key with which a process runs. Create it before the process, so that no disconnection is missed.

    Args:
        account: of the request that starts the process.
    """

    def __init__(self, account: RequestAccount) -> None:
        self.key = account.credential.secret
        self.version = account.credential.version
        self._connection: StdioConnection | None = None
        self._ended = False
        self._use = ExitStack()
        if account.hold is not None:
            self._use.enter_context(account.hold(self._end))

    def bind(self, connection: StdioConnection) -> None:
        """End a process as soon as the key is disconnected."""
        self._connection = connection
        connection.key_version = self.version
        connection.on_end.append(self.close)
        if self._ended:
            connection.end_for(Ending.DISCONNECTED)

    def close(self) -> None:
        """Note that the process has ended, or was not started."""
        self._use.close()

    def _end(self) -> None:
        self._ended = True
        if self._connection is not None:
            self._connection.end_for(Ending.DISCONNECTED)


def process_account(scope: Scope) -> ProcessAccount:
    """Return the key for a process that a request starts.

    Raises:
        Refusal: the request has none.
    """
    account = account_in(scope)
    if account is None or not account.credential.is_api_key:
        detail = "the command needs an API key: use upstream_api_key at the authorization server"
        raise failed(Reason.COMMAND_NOT_STARTED, detail)
    return ProcessAccount(account)


def runs_with_key_of(connection: StdioConnection, scope: Scope) -> bool:
    """Check that a process runs with the key of a request; end it if the key was replaced."""
    account = account_in(scope)
    if connection.key_version is None or account is None:
        return True
    if connection.key_version == account.credential.version:
        return True
    connection.end_for(Ending.DISCONNECTED)
    return False
