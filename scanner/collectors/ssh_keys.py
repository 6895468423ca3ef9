"""Private SSH keys of people: the files in ~/.ssh of interactive users that begin like a private key.

Only the head of each file is read, to tell whether a passphrase is needed; nothing of the key is kept. Keys elsewhere
are not looked for. Source: ssh-keygen(1), FILES; ssh(1), FILES.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors import userdb
from scanner.collectors.accounts import is_interactive
from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.canonical import printable
from scanner.model.errors import ParseError, TargetError
from scanner.model.fact import Evidence, Fact, FactSpec, Json
from scanner.parsers import ssh_private_key

_MAX_FILES = 2000


def _private_keys(look: Look) -> Json:
    users = look.shared(userdb.users)
    if users is None:
        look.because("/etc/passwd does not exist")
        return None
    first = look.shared(userdb.uid_min)
    records: list[Json] = []
    for _, user in users:
        if user.home.startswith("/") and is_interactive(user, first):
            records += _of_user(look, user.name, f"{user.home.rstrip('/')}/.ssh")
    return records


def _of_user(look: Look, user: str, folder: str) -> Iterator[Json]:
    names = look.try_names(folder)
    if len(names) > _MAX_FILES:
        look.gap(folder, f"limit: more than {_MAX_FILES} files")
    for name in names[:_MAX_FILES]:
        path = f"{folder}/{name}"
        try:
            entry = look.entry(path)
            if entry is None or entry.type != "file":
                continue
            key = ssh_private_key.parse(look.peek(path, 0, ssh_private_key.HEAD_BYTES))
        except (ParseError, TargetError) as error:
            look.gap(path, reason_of(error))
            continue
        if key is not None:
            look.saw(Evidence(printable(path)))
            yield {
                "path": path,
                "user": user,
                "format": key.format,
                "encrypted": key.encrypted,
                "mode": entry.permissions,
                "source": path,
            }


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted fact."""
    yield from look.facts({"ssh.private_keys": _private_keys})


COLLECTOR = Collector(
    id="ssh_keys",
    facts=(
        FactSpec(
            "ssh.private_keys",
            "table",
            "Private keys in ~/.ssh of interactive users, without their contents, by user and name.",
            sensitive={"user": "user"},
            fields={
                "path": "text: path",
                "user": "text: login name",
                "format": "text: openssh, pkcs8 or pem",
                "encrypted": "flag: a passphrase is needed to use it",
                "mode": "text: permission bits",
                "source": "text: path",
            },
        ),
    ),
    collect=collect,
)
