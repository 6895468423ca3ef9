"""/proc/<pid>/mountinfo. Source: proc_pid_mountinfo(5); kernel, Documentation/filesystems/proc.rst, 3.5."""

from __future__ import annotations

from collections.abc import Sequence

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers.fstab import unescape
from scanner.parsers.mount_options import split

__all__ = ["Mount", "hidden", "parse"]

MAX_LINES = 100_000


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount. `device` is major:minor of its file system, `root` the part of it that is shown (`/` is all).

    `options` belong to this mount (nodev, nosuid, noexec, ro …), `super_options` to the file system.
    """

    id: int
    parent: int
    device: str
    root: str
    target: str
    options: tuple[str, ...]
    type: str
    source: str
    super_options: tuple[str, ...]
    line: int


def parse(text: str) -> list[Mount]:
    """Mounts in the kernel's order. Raises ParseError for a line that is not as the kernel writes them."""
    found: list[Mount] = []
    for number, raw in enumerate(text.split("\n"), 1):
        if not raw.strip():
            continue
        fields = raw.split(" ")
        if " - " not in raw or len(fields) < 10:
            raise ParseError("mountinfo line is cut short", line=number)
        if len(found) >= MAX_LINES:
            raise ParseError(f"more than {MAX_LINES} mounts", line=number)
        # Optional fields end with a lone hyphen; none of the six fields before them can be one.
        end = fields.index("-", 6) if "-" in fields[6:] else -1
        if end < 0 or len(fields) < end + 4 or not (_digits(fields[0]) and _digits(fields[1])):
            raise ParseError("mountinfo line cannot be read", line=number)
        found.append(
            Mount(
                id=int(fields[0]),
                parent=int(fields[1]),
                device=fields[2],
                root=unescape(fields[3]),
                target=unescape(fields[4]),
                options=tuple(fields[5].split(",")),
                type=unescape(fields[end + 1]),
                source=unescape(fields[end + 2]),
                super_options=tuple(split(unescape(fields[end + 3]).replace('"', ""), line=number)),
                line=number,
            )
        )
    return found


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12


def hidden(mounts: Sequence[Mount]) -> set[int]:
    """Ids of mounts that no path leads to: another lies on top of them, or on top of a mount they hang on.

    A mount whose parent is not in the list (the root of a namespace) counts as reachable.
    """
    by_id = {mount.id: mount for mount in mounts}
    covered = {
        mount.parent
        for mount in mounts
        if mount.parent != mount.id and mount.parent in by_id and by_id[mount.parent].target == mount.target
    }
    unreachable: dict[int, bool] = {}
    for mount in mounts:
        chain: list[Mount] = []
        at: Mount | None = mount
        while at is not None and at.id not in unreachable and len(chain) <= len(by_id):
            chain.append(at)
            parent = by_id.get(at.parent)
            at = parent if parent is not None and parent.id != at.id else None
        state = unreachable[at.id] if at is not None and at.id in unreachable else False
        for step in reversed(chain):
            parent = by_id.get(step.parent)
            on_top = parent is not None and parent.target == step.target
            beneath = parent is not None and parent.id != step.id and parent.id in covered and not on_top
            state = state or beneath
            unreachable[step.id] = state
    return {mount.id for mount in mounts if unreachable[mount.id] or mount.id in covered}
