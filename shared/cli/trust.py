"""``doorward trust``: how programs trust the certificate authority of ``doorward up --https``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from shared.cli.certificates import FILE
from shared.cli.console import CommandError, output


def trust(
    *,
    data_dir: Annotated[Path, typer.Option(help="The directory of `doorward up`.")] = Path(".doorward"),
    export: Annotated[Path | None, typer.Option(help="Write a copy of the certificate to this file.")] = None,
    pem: Annotated[bool, typer.Option("--pem", help="Print the certificate itself.")] = False,
) -> None:
    """Print how to trust the certificate authority of `doorward up --https`, by system and by client."""
    path = data_dir / FILE
    try:
        certificate = path.read_text(encoding="ascii")
        if export is not None:
            export.write_text(certificate, encoding="ascii")
    except FileNotFoundError as error:
        raise CommandError(f"{error.filename} does not exist; start `doorward up --https` first") from error
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be copied: {error}") from error
    if pem:
        typer.echo(certificate, nl=False)
        return
    for heading, command in _ways(str((export or path).resolve())):
        output.print(f"{heading}\n  {command}", markup=False)


def _ways(path: str) -> Iterator[tuple[str, str]]:
    node = "Node.js (Claude Code, MCP Inspector, mcp-remote), VS Code and Cursor"
    anchor, anchors = "/usr/local/share/ca-certificates/doorward.crt", "/etc/pki/ca-trust/source/anchors"
    keychain = "-k /Library/Keychains/System.keychain"
    yield node, f"export NODE_EXTRA_CA_CERTS={path}"
    yield "Python (MCP SDK, httpx)", f"export SSL_CERT_FILE={path}"
    yield "curl", f"curl --cacert {path} https://localhost:9001/mcp"
    yield "doorward doctor", f"doorward doctor --ca-file {path} https://localhost:9001/mcp"
    yield "Debian, Ubuntu", f"sudo cp {path} {anchor} && sudo update-ca-certificates"
    yield "Fedora, RHEL", f"sudo cp {path} {anchors}/doorward.pem && sudo update-ca-trust"
    yield "macOS (Safari and Chrome too)", f"sudo security add-trusted-cert -d -r trustRoot {keychain} {path}"
    yield "Chrome on Linux", f"certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n Doorward -i {path}"
    yield "Firefox", "Settings, Privacy & Security, View Certificates, Authorities, Import"
