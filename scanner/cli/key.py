"""`assay key`: a key pair to sign bundles with."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from scanner.cli import shared
from scanner.model.errors import InputError, UsageError

__all__ = ["PasswordOption", "app", "password"]

app = typer.Typer(name="key", help="Keys that sign bundles.", no_args_is_help=True, rich_markup_mode=None)

PasswordOption = Annotated[
    Path | None, typer.Option("--password-file", help="File with the password; else ASSAY_KEY_PASSWORD, or a prompt.")
]


@app.command("generate", epilog="Example: assay key generate --output-prefix vendor")
def generate(
    prefix: Annotated[
        str, typer.Option("--output-prefix", help="Writes PREFIX.key (private) and PREFIX.pub (public).")
    ] = "assay",
    algorithm: Annotated[
        str, typer.Option("--algorithm", help="ed25519, ecdsa-p256 or ecdsa-p384; cosign reads all of them.")
    ] = "ed25519",
    password_file: PasswordOption = None,
    no_password: Annotated[bool, typer.Option("--no-password", help="Leave the private key unencrypted.")] = False,
    quiet: shared.QuietOption = False,
) -> None:
    """Make a key pair. The private key is encrypted with a password unless --no-password says otherwise."""
    from scanner import files
    from scanner.bundle.private_keys import generate as make
    from scanner.supply_chain.signing.keys import load_public_key

    locked = b"" if no_password else password(password_file, twice=True)
    if not no_password and not locked:
        raise UsageError(
            "no password was given", hint="--password-file, ASSAY_KEY_PASSWORD, or --no-password for a key without one"
        )
    private, public = make(algorithm, locked)
    if Path(f"{prefix}.pub").exists():
        raise UsageError(f"{prefix}.pub is there already", hint="choose another name: no key is replaced")
    files.write_secret(f"{prefix}.key", private)
    files.write_output(f"{prefix}.pub", public)
    if not quiet:
        key = load_public_key(public, f"{prefix}.pub")
        shared.echo(f"{prefix}.key  private, keep it away\n{prefix}.pub  public: {key.algorithm} {key.id}\n")


def password(path: Path | None, *, twice: bool = False) -> bytes:
    """The password of a private key: from a file, the environment, or asked for on a terminal; else empty."""
    if path is not None:
        from scanner import files

        found = files.read_bytes(path).removesuffix(b"\n")
        if not found:
            raise InputError("the password file is empty", where=str(path))
        return found
    for name in ("ASSAY_KEY_PASSWORD", "COSIGN_PASSWORD"):
        if name in os.environ:
            return os.environb[name.encode()]
    if sys.stdin is not None and sys.stdin.isatty():
        text: str = typer.prompt("Password of the private key", hide_input=True, confirmation_prompt=twice, err=True)
        return text.encode()
    return b""
