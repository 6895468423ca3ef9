"""Whether GRUB asks for a password before its menu may be changed. Hashes are never shown.

Looked at are grub.cfg and custom.cfg of /boot/grub2, /boot/grub and the EFI partition, with user.cfg beside them.
Source: GNU GRUB manual, "Security"; grub2-setpassword(8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors import userdb
from scanner.collectors.base import Collector, Look
from scanner.model.errors import NotCollectedError, ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.model.records import dataclass
from scanner.parsers import grub_users

_FOLDERS = ("/boot/grub2", "/boot/grub")
_VENDORS = ("/boot/efi/EFI", "/efi/EFI")
_STARTS = re.compile(r"^[ \t]*(?:menuentry|blscfg|linux\w*|chainloader)\b", re.MULTILINE)
_PROGRAMS = (
    *("/usr/sbin/grub2-install", "/usr/sbin/grub-install", "/usr/sbin/grub2-mkconfig", "/usr/sbin/grub-mkconfig"),
    *("/usr/lib/grub", "/usr/lib/bootupd/grub2-static"),
)


@dataclass(frozen=True, slots=True)
class _Menu:
    """One grub.cfg with the custom.cfg it sources: `kinds` are the passwords' kinds by user."""

    path: str
    superusers: tuple[str, ...]
    line: int | None
    exported: bool
    kinds: dict[str, str]
    stored: bool
    starts: bool

    @property
    def protected(self) -> bool:
        return bool(self.superusers) and all(self.kinds.get(name) == "pbkdf2" for name in self.superusers)


def _protection(look: Look) -> Json:
    seen: set[str] = set()
    menus = [menu for folder in _folders(look) if (menu := _menu(look, folder, seen)) is not None]
    if not menus:
        if any(look.entry(path) is not None for path in _PROGRAMS):
            raise NotCollectedError("GRUB is installed, but none of its configuration files is in this tree")
        look.because("GRUB is not installed")
        return None
    # A file that starts nothing itself only leads to another one; each that does must be protected.
    menus = [menu for menu in menus if menu.starts] or menus
    names = list(dict.fromkeys(name for menu in menus for name in menu.superusers))
    first = next((menu for menu in menus if menu.superusers), menus[0])
    known = {user.name for _, user in look.shared(userdb.users) or ()}
    return {
        "superusers": names,
        "protected": all(menu.protected for menu in menus),
        "exported": all(menu.exported for menu in menus),
        "stored_password": any(menu.stored for menu in menus),
        "kinds": sorted({kind for menu in menus for kind in menu.kinds.values()}),
        "accounts": [name for name in names if name in known],
        "source": first.path,
        "line": first.line,
    }


def _menu(look: Look, folder: str, seen: set[str]) -> _Menu | None:
    """The menu that one folder's files make; a file that another name has led to already is left out."""
    path = f"{folder}/grub.cfg"
    real = look.real(path)
    if real is None or real in seen:
        return None
    seen.add(real)
    texts = [look.text(path) or "", look.text(f"{folder}/custom.cfg") or ""]
    try:
        found = [grub_users.parse(text) for text in texts]
    except ParseError as error:
        raise ParseError(f"{folder}: {error}") from error
    stored = grub_users.has_hash(look.text(f"{folder}/user.cfg") or "")
    lists = [(text, line) for users in found for text, line in users.superusers]
    names = dict.fromkeys(name for text, _ in lists for name in re.split(r"[\s,;&|]+", text) if name)
    kinds = {one.user: _effective(one.kind, stored) for users in found for one in users.passwords}
    exported = any(users.exported for users in found)
    line = lists[0][1] if lists else None
    return _Menu(path, tuple(names), line, exported, kinds, stored, any(_STARTS.search(text) for text in texts))


def _effective(kind: str, stored: bool) -> str:
    """The kind of a password whose text may stand in user.cfg."""
    if kind == "variable":
        return "pbkdf2" if stored else "none"
    return kind


def _folders(look: Look) -> list[str]:
    return [*_FOLDERS, *(f"{top}/{name}" for top in _VENDORS for name in look.names(top) if name.lower() != "linux")]


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted fact."""
    yield from look.facts({"grub.protection": _protection})


COLLECTOR = Collector(
    id="grub_protection",
    facts=(
        FactSpec(
            "grub.protection",
            "object",
            "Who may change what GRUB boots; absent where GRUB is not installed.",
            fields={
                "superusers": "list: names that may, in the order they are set; empty: everybody may",
                "protected": "flag: there is a superuser, and each of them has a hashed password",
                "exported": "flag: the list holds in submenus too",
                "stored_password": "flag: user.cfg holds a password hash",
                "kinds": "list: kinds of passwords given, pbkdf2, plain, none (a variable that is not set) or broken",
                "accounts": "list: superusers that are login names of the system too",
                "source": "text: file that sets the list, else the configuration",
                "line": "number: line; null when no list is set",
            },
            sensitive={"superusers": "user", "accounts": "user"},
        ),
    ),
    collect=collect,
)
