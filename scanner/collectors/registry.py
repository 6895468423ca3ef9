"""Finding collectors, knowing all declared facts, and running the ones that were asked for."""

from __future__ import annotations

import importlib
import pkgutil
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache

import scanner.collectors as package
from scanner.collectors.base import Collector, Look, not_reported, reason_of
from scanner.model.canonical import printable
from scanner.model.errors import AssayError
from scanner.model.fact import Fact, FactSpec
from scanner.model.records import dataclass
from scanner.target.base import Target
from scanner.target.secrets import redact

__all__ = ["CollectorRun", "collect", "collectors", "spec_of", "specs", "split"]


@dataclass(frozen=True, slots=True)
class CollectorRun:
    """How one collector fared. `started` and `duration` are seconds by the clock that was handed in."""

    id: str
    started: float
    duration: float
    error: str | None


@cache
def collectors() -> tuple[Collector, ...]:
    """Every collector of the package, by id."""
    found = []
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        collector = getattr(module, "COLLECTOR", None)
        if isinstance(collector, Collector):
            found.append(collector)
    return tuple(sorted(found, key=lambda collector: collector.id))


@cache
def specs() -> Mapping[str, FactSpec]:
    """Every declared fact by name."""
    return {spec.name: spec for collector in collectors() for spec in collector.facts}


def split(name: str) -> tuple[str, str | None]:
    """`files.entry:/etc/passwd` into the declared name and the argument."""
    base, colon, argument = name.partition(":")
    return base, argument if colon else None


def spec_of(name: str) -> FactSpec | None:
    """The declaration behind a fact name, argument or not."""
    return specs().get(split(name)[0])


def collect(
    target: Target,
    wanted: Iterable[str] | None = None,
    *,
    clock: Callable[[], float] = time.time,
    progress: Callable[[str], None] | None = None,
) -> tuple[dict[str, Fact], list[CollectorRun]]:
    """Facts of `target`: the `wanted` ones (`name` or `name:argument`), or every fact that takes no argument.

    A wanted fact always comes back: what a collector fails to report is an `error`, what no collector declares is left
    out (the engine then says `unknown`).
    """
    asked: dict[str, set[str]] = {}
    if wanted is None:
        asked = {name: set() for name, spec in specs().items() if spec.argument is None}
    else:
        for name in wanted:
            base, argument = split(name)
            asked.setdefault(base, set()).update(() if argument is None else (argument,))
    facts: dict[str, Fact] = {}
    runs: list[CollectorRun] = []
    for collector in collectors():
        mine = {spec.name: sorted(asked[spec.name]) for spec in collector.facts if spec.name in asked}
        if not mine:
            continue
        if progress is not None:
            progress(collector.id)
        started = clock()
        error: str | None = None
        look = Look(target, collector.facts, mine, collector.texts)
        got: dict[str, Fact] = {}
        try:
            for fact in collector.collect(look):
                if split(fact.name)[0] in mine:
                    got[fact.name] = fact
        except AssayError as problem:
            error = printable(redact(reason_of(problem)))
        except Exception as problem:  # noqa: BLE001 - a collector's bug becomes an error on its facts
            error = printable(redact(f"internal: {type(problem).__name__}: {problem}"))
        for spec in collector.facts:
            if spec.name not in mine:
                continue
            names = [f"{spec.name}:{argument}" for argument in mine[spec.name]] if spec.argument else [spec.name]
            for name in names:
                if name not in got:
                    got[name] = not_reported(spec, name, error or "internal: the collector did not report it")
        facts.update(got)
        runs.append(CollectorRun(collector.id, started, clock() - started, error))
    return facts, runs
