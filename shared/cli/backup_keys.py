"""The key pair of backups: the service needs only the public key, a restore the identity file."""

from __future__ import annotations

import os
import sys
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.console import CommandError, output
from shared.cli.private_files import create_private_file

if TYPE_CHECKING:
    from auth_service.crypto.encryption_keys import Identity, Recipient

MIN_PASSPHRASE = 16
MAX_KEY_FILE_BYTES = 65_536

Recipients = Annotated[
    list[str] | None, typer.Option("--recipient", help="A public key, age1...; may be repeated.")
]
RecipientsFile = Annotated[
    Path | None, typer.Option("--recipients-file", help="File with public keys, one a line.")
]
IdentityFile = Annotated[
    Path | None, typer.Option("--identity", help="The file with the private key of the backup.")
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", help="File with the passphrase of the identity file; else it is asked for."
    ),
]


def backup_key(
    file: Annotated[Path, typer.Argument(help="The new file for the private key.")],
    *,
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="Encrypt the file with a passphrase that is asked for.")
    ] = False,
    passphrase_file: Annotated[
        Path | None,
        typer.Option("--passphrase-file", help="Encrypt the file with the passphrase in this file."),
    ] = None,
) -> None:
    """Create a key pair for backups: the private key in a file, the public key printed."""
    from auth_service.crypto.encryption_keys import encrypt_identity_file, new_identity_file

    if os.path.lexists(file):
        raise CommandError(f"{file} exists already")
    text, public = new_identity_file()
    content = text.encode()
    if passphrase or passphrase_file:
        content = encrypt_identity_file(text, _new_passphrase(passphrase_file, beside=file))
    try:
        create_private_file(file, content)
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from error
    output.print(public, markup=False)


def recipients_of(public_keys: list[str] | None, file: Path | None) -> list[Recipient]:
    """Return the public keys that a backup is encrypted to."""
    named = [("--recipient", key) for key in public_keys or []]
    if file:
        named.append(
            ("--recipients-file", _text(_content(file, "--recipients-file"), file, "--recipients-file"))
        )
    if not named:
        raise CommandError("name the key of the backup: --recipient or --recipients-file")
    return [recipient for option, text in named for recipient in _recipients(option, text)]


def identities_of(file: Path | None, passphrase_file: Path | None) -> list[Identity]:
    """Return the private keys that may decrypt a backup."""
    from auth_service.crypto.encryption_keys import is_encrypted, parse_identities

    if file is None:
        raise CommandError("name the key of the backup: --identity")
    content = _content(file, "--identity")
    if is_encrypted(content):
        text = _decrypted(content, file, passphrase_file)
    elif passphrase_file:
        raise CommandError(f"--passphrase-file: {file} is not encrypted with a passphrase")
    else:
        text = _text(content, file, "--identity")
    try:
        return parse_identities(text)
    except ValueError as error:
        raise CommandError(f"--identity: {file} does not contain a private key: {error}") from error


def _recipients(option: str, text: str) -> list[Recipient]:
    from auth_service.crypto.encryption_keys import parse_recipients

    try:
        return parse_recipients(text)
    except ValueError as error:
        raise CommandError(f"{option}: not a public key of the form age1...: {error}") from error


def _decrypted(content: bytes, file: Path, passphrase_file: Path | None) -> str:
    from auth_service.crypto.encryption_keys import WrongPassphraseError, decrypt_identity_file

    try:
        return decrypt_identity_file(content, _passphrase(passphrase_file, f"Passphrase of {file}: "))
    except WrongPassphraseError as error:
        reason = "the passphrase is wrong, or the file damaged"
        raise CommandError(f"--identity: {file} cannot be decrypted: {reason}") from error


def _new_passphrase(file: Path | None, *, beside: Path) -> str:
    """Return the passphrase for the identity file `beside`.

    A passphrase in the same directory would be copied and lost with it.
    """
    if file and file.resolve().parent == beside.resolve().parent:
        raise CommandError("--passphrase-file: keep the passphrase in another directory than the private key")
    text = _passphrase(file, f"New passphrase of {beside}: ")
    if len(text) < MIN_PASSPHRASE:
        raise CommandError(f"the passphrase must have at least {MIN_PASSPHRASE} characters")
    if not file and getpass("Again: ") != text:
        raise CommandError("the passphrases differ")
    return text


def _passphrase(file: Path | None, prompt: str) -> str:
    if file:
        text = _text(_content(file, "--passphrase-file"), file, "--passphrase-file")
        return text.partition("\n")[0].rstrip("\r")
    if not sys.stdin.isatty():
        raise CommandError("the private key is encrypted with a passphrase: use --passphrase-file")
    return getpass(prompt)


def _content(file: Path, option: str) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_KEY_FILE_BYTES)
    except OSError as error:
        raise CommandError(f"{option}: {file} cannot be read: {error.strerror}") from error


def _text(content: bytes, file: Path, option: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise CommandError(f"{option}: {file} is not text") from error
