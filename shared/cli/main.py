"""The ``doorward`` command, put together."""

from __future__ import annotations

import sys

import typer

from shared.cli.clients import clients
from shared.cli.console import CommandError, errors
from shared.cli.doctor.command import doctor
from shared.cli.health import health
from shared.cli.init import init
from shared.cli.keys import keys
from shared.cli.policy import policy
from shared.cli.serve import auth, resource
from shared.cli.up import up
from shared.cli.users import users
from shared.cli.why.command import why

app = typer.Typer(
    help="OAuth 2.1 and OpenID Connect in front of MCP servers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (up, auth, resource, init, health, doctor, why):
    app.command()(command)
app.add_typer(users, name="users")
app.add_typer(clients, name="clients")
app.add_typer(keys, name="keys")
app.add_typer(policy, name="policy")


def main() -> None:
    """Run the command line; what a person can mend is said in one line, without a traceback."""
    try:
        app()
    except CommandError as error:
        errors.print(f"doorward: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
