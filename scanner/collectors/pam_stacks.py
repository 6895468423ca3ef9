"""Reading the PAM services of a tree and expanding their includes as libpam does.

Source: Linux-PAM libpam/pam_handlers.c: /etc/pam.d/<service>, else /usr/lib/pam.d/<service>; `include` puts the lines
of one type in place, `substack` does so one level deeper; what cannot be read becomes an entry that always fails.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Look
from scanner.model.errors import ParseError, TargetError
from scanner.model.records import dataclass
from scanner.parsers import pam
from scanner.parsers.pam_flow import Step

__all__ = ["FOLDERS", "Entry", "Service", "services"]

FOLDERS = ("/etc/pam.d", "/usr/lib/pam.d")
_MAX_LEVEL = 32
_MAX_ENTRIES = 2000
_MAX_ALL = 20_000
_MAX_SERVICES = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an expanded stack. `kind`: module, substack (its head) or broken (always fails)."""

    kind: str
    type: str
    control: str
    module: str
    arguments: tuple[str, ...]
    optional_module: bool
    step: Step
    source: str
    line: int


@dataclass(frozen=True, slots=True)
class Service:
    """A service with its expanded stacks by type; `link` is the text of the link that its file is, or None."""

    name: str
    path: str
    link: str | None
    stacks: dict[str, list[Entry]]

    def steps(self, kind: str) -> list[Step]:
        """The steps of one stack, for the analysis of its ways."""
        return [entry.step for entry in self.stacks[kind]]


class _Files:
    """Parsed service files by name, each read once."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._known: dict[str, tuple[str, list[pam.Line], list[pam.Problem]] | None] = {}

    def get(self, name: str) -> tuple[str, list[pam.Line], list[pam.Problem]] | None:
        """Path, statements and refused lines of a service file, or None when it is not there or cannot be read."""
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> tuple[str, list[pam.Line], list[pam.Problem]] | None:
        for path in [name] if name.startswith("/") else [f"{folder}/{name}" for folder in FOLDERS]:
            try:
                text = self._look.text(path)
                if text is not None:
                    return path, *pam.parse(text)
            except ParseError as error:
                self._look.gap(path, f"malformed: {path}: {error}")
                return None
            except TargetError:
                self._look.try_text(path)
                return None
        return None


def services(look: Look) -> list[Service] | None:
    """Every service by name, expanded; None when there is no folder of services."""
    if all(look.entry(folder) is None for folder in FOLDERS):
        return None
    files = _Files(look)
    names = sorted({name for folder in FOLDERS for name in look.try_names(folder) if not name.startswith(".")})
    if len(names) > _MAX_SERVICES:
        look.gap("/etc/pam.d", f"limit: more than {_MAX_SERVICES} services")
    found = []
    left = _MAX_ALL
    for name in names[:_MAX_SERVICES]:
        got = files.get(name)
        if got is None:
            continue
        stacks = {}
        for kind in pam.TYPES:
            expander = _Expander(look, files, name, kind, min(_MAX_ENTRIES, left))
            stacks[kind] = list(expander.expand())
            left -= expander.spent
        found.append(Service(name, got[0], look.link(got[0]), stacks))
    return found


class _Expander:
    """One stack of one service, expanded within a budget (includes may multiply)."""

    def __init__(self, look: Look, files: _Files, service: str, kind: str, budget: int) -> None:
        self._look = look
        self._files = files
        self._service = service
        self._kind = kind
        self._most = self._budget = budget

    @property
    def spent(self) -> int:
        """Lines that were gone through."""
        return self._most - max(self._budget, 0)

    def expand(self) -> Iterator[Entry]:
        """The entries in the order in which libpam runs them."""
        yield from self._file(self._service, 0, ())

    def _file(self, name: str, level: int, chain: tuple[str, ...]) -> Iterator[Entry]:
        got = self._files.get(name)
        if got is None or name in chain or len(chain) >= _MAX_LEVEL:
            return
        path, lines, problems = got
        merged: list[pam.Line | pam.Problem] = sorted([*lines, *problems], key=lambda item: item.line)
        for item in merged:
            self._budget -= 1
            if self._budget < 0:
                if self._budget == -1:
                    most = f"{_MAX_ENTRIES} entries in one stack or {_MAX_ALL} in all"
                    self._look.gap(path, f"limit: more than {most}")
                return
            if isinstance(item, pam.Problem):
                yield self._broken(item.message, path, item.line, level)
            elif item.kind == "at_include" or item.type == self._kind:
                yield from self._statement(item, path, level, (*chain, name))

    def _statement(self, item: pam.Line, path: str, level: int, chain: tuple[str, ...]) -> Iterator[Entry]:
        if item.kind == "module":
            step = Step(item.module, item.arguments, item.actions, level)
            yield self._entry("module", item, step, path)
            return
        if item.kind == "substack":
            yield self._entry("substack", item, Step(item.module, (), {}, level, head=True), path)
        inner = level + (item.kind == "substack")
        if self._files.get(item.module) is None or item.module in chain or len(chain) >= _MAX_LEVEL:
            yield self._broken(f"{item.module} cannot be included", path, item.line, inner)
            return
        yield from self._file(item.module, inner, chain)

    def _entry(self, kind: str, item: pam.Line, step: Step, path: str) -> Entry:
        return Entry(
            kind,
            self._kind,
            item.control,
            item.module,
            item.arguments,
            item.optional_module,
            step,
            path,
            item.line,
        )

    def _broken(self, message: str, path: str, line: int, level: int) -> Entry:
        step = Step("", (), {"default": "bad"}, level)
        return Entry("broken", self._kind, "required", "", (message,), False, step, path, line)
