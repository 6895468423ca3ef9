"""The contract of a collector, and the pair of eyes (`Look`) through which it sees a target.

A collector is one module in this package with a module-level `COLLECTOR`. It declares its facts and yields the wanted
ones, built by `look.facts({name: compute})`: `compute` returns the value (JSON), or None for "looked, not there", and
simply lets errors rise. Everything read inside `compute` becomes the fact's evidence.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from scanner.model.canonical import plain, printable
from scanner.model.errors import (
    DeniedError,
    LimitError,
    MissingError,
    NotCollectedError,
    ParseError,
    PartialError,
    TargetError,
)
from scanner.model.fact import Evidence, Fact, FactSpec, Json, State
from scanner.model.records import dataclass
from scanner.target import limits
from scanner.target.base import BlockDevice, Entry, Runtime, Target
from scanner.target.secrets import holds_secret, redact

__all__ = ["Collector", "Look", "reason_of"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Collector:
    """`id`, the facts it provides, and the function that yields them; `texts`: bytes of all text files it may parse,
    where that is not MAX_TEXTS."""

    id: str
    facts: tuple[FactSpec, ...]
    collect: Callable[[Look], Iterable[Fact]]
    texts: int | None = None


@dataclass(slots=True)
class _Scope:
    evidence: dict[tuple[str, int | None], Evidence]
    gaps: dict[str, None]
    note: str | None = None


class Look:
    """What one collector may see of one target, remembering what it saw."""

    def __init__(
        self,
        target: Target,
        specs: Sequence[FactSpec],
        wanted: Mapping[str, Sequence[str]],
        texts: int | None = None,
    ) -> None:
        self.target = target
        self._specs = {spec.name: spec for spec in specs}
        self._wanted = wanted
        self._scopes: list[_Scope] = [_Scope({}, {})]
        self._parsed = 0
        self._most_parsed = texts
        self._texts: dict[str, tuple[str | None, Evidence | None]] = {}
        self._shared: dict[object, tuple[object, _Scope]] = {}

    # ---- what is asked for -------------------------------------------------------------------------------------

    def arguments(self, name: str) -> tuple[str, ...]:
        """The arguments asked of a fact that takes one, sorted."""
        return tuple(sorted(self._wanted.get(name, ())))

    # ---- files of the tree -------------------------------------------------------------------------------------

    def text(self, path: str, limit: int = limits.MAX_TEXT) -> str | None:
        """The text file at `path` (UTF-8, undecodable bytes kept as surrogates), or None when it is not there.

        Recorded as evidence with its digest, unless it may hold a secret. Raises what the target raises.
        """
        if path not in self._texts:
            try:
                data = self.target.tree.read(path, limit)
            except MissingError:
                self._texts[path] = (None, None)
            else:
                self._parsed += len(data)
                most = limits.MAX_TEXTS if self._most_parsed is None else self._most_parsed
                if self._parsed > most:
                    raise LimitError(f"{printable(path)}: more than {most} bytes of text for one subject")
                text = data.decode("utf-8", "surrogateescape")
                self._texts[path] = (text, Evidence(printable(path), sha256=self._digest(path, data, text)))
        text_or_none, evidence = self._texts[path]
        if evidence is not None:
            self.saw(evidence)
        return text_or_none

    def try_text(self, path: str, limit: int = limits.MAX_TEXT) -> str | None:
        """Like `text`, for one file of many: one that cannot be read becomes a gap of the fact, and None."""
        try:
            return self.text(path, limit)
        except TargetError as error:
            self.gap(path, reason_of(error))
            return None

    def data(self, path: str, limit: int = limits.MAX_FILE) -> bytes | None:
        """The bytes of the file at `path`, or None when it is not there; recorded as evidence."""
        try:
            data = self.target.tree.read(path, limit)
        except MissingError:
            return None
        self.saw(Evidence(printable(path), sha256=self._digest(path, data, "")))
        return data

    def peek(self, path: str, offset: int, length: int) -> bytes:
        """A part of a file, without a record of evidence. Raises what the target raises."""
        return self.target.tree.pread(self.target.tree.resolve(path), offset, length)

    def names(self, path: str) -> list[str]:
        """Sorted names in a directory; empty when there is no such directory."""
        try:
            return self.target.tree.listdir(path)
        except MissingError:
            return []
        except TargetError as error:
            if "not a directory" in str(error).lower():
                return []
            raise

    def try_names(self, path: str) -> list[str]:
        """Like `names`; a directory that cannot be read whole becomes a gap of the fact, what can be told stays."""
        try:
            return self.names(path)
        except TargetError as error:
            self.gap(path, reason_of(error))
            return sorted(error.names) if isinstance(error, PartialError) else []

    def entry(self, path: str, *, follow: bool = True) -> Entry | None:
        """The file system entry, or None when it is not there."""
        try:
            return self.target.tree.stat(path, follow=follow)
        except MissingError:
            return None

    def sees(self, path: str) -> bool:
        """Whether something is seen at `path`. False says nothing: it may be missing, or nobody could look."""
        try:
            return self.entry(path) is not None
        except TargetError:
            return False

    def link(self, path: str) -> str | None:
        """The text of the symbolic link at `path`, or None when there is no link there."""
        entry = self.entry(path, follow=False)
        if entry is None or entry.type != "link":
            return None
        return self.target.tree.readlink(entry.path)

    def real(self, path: str) -> str | None:
        """The canonical path that `path` leads to inside the root, or None when it leads nowhere."""
        entry = self.entry(path)
        return entry.path if entry is not None else None

    def xattr(self, path: str, name: str, *, follow: bool = True) -> bytes | None:
        """One extended attribute, or None when the file has none of that name. Raises NotCollectedError where the
        packing cannot hold attributes."""
        value = self.target.tree.xattrs(self.target.tree.resolve(path, follow=follow)).get(name)
        if value is None and name == "security.selinux" and "labels" in self.target.tree.lost:
            raise NotCollectedError("the packing keeps no SELinux labels")
        return value

    def drop_ins(self, folders: Sequence[str], suffix: str) -> list[str]:
        """Files of drop-in folders as systemd merges them: by name, the same name in an earlier folder wins, sorted.

        A link to /dev/null (or an empty file name) masks the name; one that leads nowhere hides nothing.  Sources:
        systemd, man/standard-conf.xml, src/basic/conf-files.c (`files_add`).
        """
        chosen: dict[str, str | None] = {}
        for folder in folders:
            for name in self.try_names(folder):
                path = f"{folder}/{name}"
                if not name.endswith(suffix) or name in chosen or self._is_folder(path):
                    continue
                if self._is_null(path):
                    chosen[name] = None
                elif not self._leads_nowhere(path):
                    chosen[name] = path
        paths = [chosen[name] for name in sorted(chosen)]
        return [path for path in paths if path is not None]

    def _is_null(self, path: str) -> bool:
        link = self.link(path)
        return link is not None and posixpath.normpath(posixpath.join(posixpath.dirname(path), link)) == "/dev/null"

    def _leads_nowhere(self, path: str) -> bool:
        try:
            return self.link(path) is not None and self.entry(path) is None
        except TargetError:
            return False  # whoever reads it will say what is wrong with it

    def _is_folder(self, path: str) -> bool:
        entry = self.entry(path, follow=False)
        return entry is not None and entry.type == "directory"

    # ---- the running half --------------------------------------------------------------------------------------

    @property
    def runtime(self) -> Runtime:
        """The running half. Raises NotCollectedError when the target is not running."""
        if self.target.runtime is None:
            raise NotCollectedError("the target is not running; this exists only on a running system")
        return self.target.runtime

    @property
    def is_running(self) -> bool:
        """Whether there is a running half at all."""
        return self.target.runtime is not None

    def running_text(self, path: str, limit: int = limits.MAX_TEXT) -> str | None:
        """A text file of /proc, /sys, /dev or /run, or None when it is not there; recorded as evidence."""
        try:
            data = self.runtime.read(path, limit)
        except MissingError:
            return None
        text = data.decode("utf-8", "surrogateescape")
        self.saw(Evidence(path, sha256=self._digest(path, data, text)))
        return text

    def command(self, name: str, *arguments: str) -> str:
        """Output of a read-only command of the live system; recorded as evidence. Raises TargetError on failure."""
        result = self.runtime.command(name, *arguments)
        line = " ".join((name, *arguments))
        if result.code != 0:
            said = result.errors.decode("utf-8", "replace").strip().splitlines()
            raise TargetError(f"{line}: exit {result.code}{': ' + said[0][:200] if said else ''}")
        text = result.output.decode("utf-8", "surrogateescape")
        self.saw(Evidence(f"command: {line}", sha256=self._digest(line, result.output, text)))
        return text

    def devices(self) -> list[BlockDevice]:
        """Block devices. Raises NotCollectedError when this target kind has none."""
        return self.target.devices()

    # ---- making facts ------------------------------------------------------------------------------------------

    def fact(self, name: str, compute: Callable[[Look], Json], *, argument: str | None = None) -> Fact:
        """The fact `name`: whatever `compute` returns or raises, with all it read as evidence."""
        spec = self._specs[name]
        full = name if argument is None else f"{name}:{argument}"
        scope = _Scope({}, {})
        self._scopes.append(scope)
        state: State
        reason: str | None = None
        value: Json = None
        try:
            value = plain(compute(self), _clean)
            state = "absent" if value is None else "present"
            if isinstance(value, list) and len(value) > limits.MAX_RECORDS:
                self.gap(name, f"limit: more than {limits.MAX_RECORDS} records")
                del value[limits.MAX_RECORDS :]
        except NotCollectedError as error:
            state, reason = "not_collected", str(error)
        except (TargetError, ParseError) as error:
            state, reason = "error", reason_of(error)
        except RecursionError:
            state, reason = "error", "malformed: nested too deeply"
        except Exception as error:  # noqa: BLE001 - one fact's bug must not end the scan; the reason names it
            state, reason = "error", f"internal: {type(error).__name__}: {error}"
        finally:
            self._scopes.pop()
        if state == "absent":
            if scope.gaps:
                # Something that could hold it was not readable: nobody can say that it is not there.
                quiet = all(gap.startswith(("not_collected", "unsupported")) for gap in scope.gaps)
                state, reason = ("not_collected" if quiet else "error"), next(iter(scope.gaps))
            else:
                reason = scope.note
        if reason is not None:
            reason = printable(redact(reason))
        evidence = tuple(scope.evidence.values())
        return Fact(
            full, state, spec.facet, value, reason, evidence, tuple(printable(redact(gap)) for gap in scope.gaps)
        )

    def facts(self, makers: Mapping[str, Callable[[Look], Json]]) -> Iterator[Fact]:
        """Those of the facts (name -> what computes it) that were asked for."""
        for name, compute in makers.items():
            if name in self._wanted:
                yield self.fact(name, compute)

    def because(self, note: str) -> None:
        """Why the fact under construction is absent, in words."""
        self._scopes[-1].note = note

    def gap(self, place: str, reason: str) -> None:
        """Something that belongs to the fact under construction could not be read: the fact is not complete."""
        gaps = self._scopes[-1].gaps
        if len(gaps) < limits.MAX_GAPS:
            gaps.setdefault(f"{reason}: {place}" if place not in reason else reason)
        else:
            gaps.setdefault(f"limit: more than {limits.MAX_GAPS} things could not be read")

    def saw(self, evidence: Evidence) -> None:
        """Record evidence for the fact under construction."""
        self._scopes[-1].evidence.setdefault((evidence.source, evidence.offset), evidence)

    def shared(self, compute: Callable[[Look], T]) -> T:
        """The result of `compute(self)`, computed once for several facts; its evidence counts for each of them."""
        if compute not in self._shared:
            scope = _Scope({}, {})
            self._scopes.append(scope)
            try:
                result = compute(self)
            finally:
                self._scopes.pop()
            self._shared[compute] = (result, scope)
        result, scope = self._shared[compute]  # type: ignore[assignment]  # keyed by the function that made it
        for evidence in scope.evidence.values():
            self.saw(evidence)
        self._scopes[-1].gaps.update(scope.gaps)
        return result

    def _digest(self, path: str, data: bytes, text: str) -> str | None:
        if holds_secret(path) or self._leads_to_secret(path) or (text and redact(text) != text):
            return None
        return hashlib.sha256(data).hexdigest()

    def _leads_to_secret(self, path: str) -> bool:
        """Whether a link of the tree ends at a file that may hold a secret: its other name says nothing."""
        try:
            return path.startswith("/") and holds_secret(self.target.tree.resolve(path))
        except TargetError:
            return False


def reason_of(error: Exception) -> str:
    """The reason of a fact in state error: a fixed first word, then where."""
    if isinstance(error, DeniedError):
        return f"permission: {str(error).removeprefix('permission denied: ')}"
    if isinstance(error, ParseError):
        return f"malformed: {error}"
    if isinstance(error, LimitError):
        return f"limit: {error}"
    if isinstance(error, MissingError):
        return f"missing: {error}"
    return str(error)


def _clean(text: str | bytes) -> str:
    return redact(printable(text))


def not_reported(spec: FactSpec, name: str, reason: str) -> Fact:
    """The fact for what a collector promised and did not deliver."""
    return Fact(name, "error", spec.facet, reason=reason)


def each_argument(look: Look, name: str, compute: Callable[[Look, str], Json]) -> Iterator[Fact]:
    """One fact for each argument that was asked of `name`."""
    for argument in look.arguments(name):
        yield look.fact(name, lambda look, argument=argument: compute(look, argument), argument=argument)  # type: ignore[misc]  # bound per turn
