"""The key of a backup: a passphrase, or a key pair of which the service needs only the public part."""

from __future__ import annotations

import sys
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.console import CommandError, output
from shared.cli.private_files import create_private_file

if TYPE_CHECKING:
    from auth_service.crypto.age import Identity, PrivateKey, Recipient

MIN_PASSPHRASE = 16
MAX_KEY_FILE_BYTES = 65_536

PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help="File with the passphrase; else it is asked for."),
]
IdentityFile = Annotated[
    Path | None, typer.Option("--identity", help="The file with the private key of the backup.")
]
Recipients = Annotated[
    list[str] | None,
    typer.Option("--recipient", help="A public key, age1...; may be repeated. Instead of a passphrase."),
]


def backup_key(file: Annotated[Path, typer.Argument(help="The new file for the private key.")]) -> None:
    """Create a key pair for backups: the private key in a file, the public key printed."""
    from auth_service.crypto.age import PrivateKey

    key = PrivateKey.generate()
    public = str(key.public_key())
    try:
        create_private_file(file, f"# public key: {public}\n{key.secret_text()}\n")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from error
    output.print(public, markup=False)


def recipients_of(
    passphrase_file: Path | None, public_keys: list[str] | None, *, beside: Path
) -> list[Recipient]:
    """Return what a backup is encrypted to.

    Args:
        beside: the backup; a passphrase in its directory would be copied and lost with it.
    """
    from auth_service.crypto.age import Passphrase, PublicKey

    if passphrase_file and public_keys:
        raise CommandError("use either --passphrase-file or --recipient")
    if public_keys:
        try:
            return [PublicKey.parse(text) for text in public_keys]
        except ValueError as error:
            raise CommandError(f"--recipient: not a public key of the form age1...: {error}") from error
    if passphrase_file and passphrase_file.resolve().parent == beside.resolve().parent:
        raise CommandError("--passphrase-file: keep the passphrase in another directory than the backup")
    text = _passphrase(passphrase_file, again=True)
    if len(text) < MIN_PASSPHRASE:
        raise CommandError(f"the passphrase must have at least {MIN_PASSPHRASE} characters")
    return [Passphrase(text)]


def identity_of(passphrase_file: Path | None, identity: Path | None) -> Identity:
    """Return what a backup is decrypted with."""
    from auth_service.crypto.age import Passphrase

    if passphrase_file and identity:
        raise CommandError("use either --passphrase-file or --identity")
    if identity:
        return _private_key(identity)
    return Passphrase(_passphrase(passphrase_file, again=False))


def _private_key(file: Path) -> PrivateKey:
    from auth_service.crypto.age import PrivateKey

    lines = [line.strip() for line in _text(file, "--identity").splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    if len(keys) != 1:
        raise CommandError(f"--identity: {file} does not contain one private key")
    try:
        return PrivateKey.parse(keys[0])
    except ValueError as error:
        # The reason might quote a part of the key.
        raise CommandError(f"--identity: {file} does not contain a private key") from error


def _passphrase(file: Path | None, *, again: bool) -> str:
    if file:
        return _text(file, "--passphrase-file").partition("\n")[0].rstrip("\r")
    if not sys.stdin.isatty():
        raise CommandError("name the key of the backup: --passphrase-file, --recipient or --identity")
    passphrase = getpass("Passphrase of the backup: ")
    if again and getpass("Again: ") != passphrase:
        raise CommandError("the passphrases differ")
    return passphrase


def _text(file: Path, option: str) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_KEY_FILE_BYTES).decode()
    except OSError as error:
        raise CommandError(f"{option}: {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{option}: {file} is not text") from error
