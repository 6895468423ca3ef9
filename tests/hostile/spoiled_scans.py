"""The child process of test_images: scans one image spoiled in many ways, and prints what went wrong as JSON lines.

    python -m tests.hostile.spoiled_scans IMAGE cut|flip COUNT SEED SEALED SEALED_CONTENT

One process for many scans, because starting one costs more than a scan. Each scan has an alarm; the highest resident
set is measured for each.
"""

from __future__ import annotations

import hashlib
import json
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from scanner.cli import pipeline
from scanner.collectors.take import take
from scanner.engine import content
from scanner.model.errors import AssayError, MissingError, TargetError
from scanner.model.fact import Fact, Json
from scanner.model.snapshot import Snapshot
from scanner.target.base import Target
from scanner.target.opening import open_path
from tests.e2e.test_live_equals_tree import NEEDS_DEVICES
from tests.hostile import spoiling
from tests.memory import high_water

SECONDS = 10
MEMORY = 512 << 20
_MADE_AT_BOOT = ("/dev", "/proc", "/run", "/sys", "/tmp")
ADDRESSES = 4 << 30
"""Address space, far above what resident memory may be: only a runaway allocation meets it."""


class OvertimeError(BaseException):
    """A scan that takes too long; no BaseException is caught by what runs collectors."""


@dataclass(slots=True)
class Seen:
    """What a scan of one image gave. `entries`: path to what can be told of it, or to None where it raised."""

    facts: dict[str, Fact] = field(default_factory=dict)
    entries: dict[str, tuple[object, ...] | None] = field(default_factory=dict)
    contents: dict[str, str | None] = field(default_factory=dict)
    refusal: str | None = None


def scan(path: Path, names: list[str], paths: list[str] | None) -> Seen:
    """Everything a scan collects, and what the tree says of each of `paths` (of all it lists, when there are none)."""
    seen = Seen()
    try:
        target = open_path(path)
    except AssayError as error:
        if error.exit_code not in (2, 3):
            raise
        seen.refusal = str(error)
        return seen
    try:
        snapshot: Snapshot = take(target, names)
        json.dumps(snapshot.to_json())
        seen.facts = dict(snapshot.facts)
        _look(target, seen, paths)
    finally:
        target.close()
    return seen


def _look(target: Target, seen: Seen, paths: list[str] | None) -> None:
    tree = target.tree
    for path in [entry.path for entry in tree.walk("/")] if paths is None else paths:
        try:
            entry = tree.lstat(path)
            link = tree.readlink(path) if entry.type == "link" else ""
            seen.entries[path] = (entry.mode, entry.uid, entry.gid, entry.size, link, sorted(tree.xattrs(path).items()))
            if entry.type == "directory":
                tree.names(path)
        except MissingError:
            seen.entries[path] = ("missing",)
            continue
        except TargetError:
            seen.entries[path] = None
            continue
        if entry.type == "file":
            try:
                seen.contents[path] = hashlib.sha256(tree.read(path)).hexdigest()
            except MissingError:
                seen.contents[path] = "missing"
            except TargetError:
                seen.contents[path] = None


def wrong(sound: Seen, got: Seen, *, names_too: bool, content_too: bool) -> list[str]:
    """What the spoiled image says and is not so, though it should have noticed."""
    if got.refusal is not None:
        return []
    found = [
        f"{name}: {fact.reason}"
        for name, fact in got.facts.items()
        if any(word.startswith("internal") for word in (fact.reason or "", *fact.gaps))
    ]
    if names_too:
        for path, entry in got.entries.items():
            if path.startswith(_MADE_AT_BOOT):
                continue  # shown where fstab mounts them; an unreadable fstab shows nothing there
            if entry is not None and entry != sound.entries.get(path):
                found.append(f"{path!r} is {entry}, was {sound.entries.get(path)}")
    if content_too:
        for path, digest in got.contents.items():
            if digest is not None and digest != sound.contents.get(path):
                found.append(f"{path!r} has other content")
    if names_too and content_too:
        for name, fact in got.facts.items():
            before = sound.facts[name]
            claims = fact.state in ("present", "absent") and not fact.gaps
            same = fact.state == before.state and _agrees(fact.value, before.value)
            if claims and not same and name not in NEEDS_DEVICES:
                found.append(f"{name} is {fact.state} without a gap, was {before.state}: {str(fact.value)[:300]}")
    return found


def _agrees(value: Json, before: Json) -> bool:
    """Whether a value says the same as before, but for the fields that say they could not be read."""
    if isinstance(value, dict) and value.get("state") in ("error", "not_collected") and "reason" in value:
        return True
    if isinstance(value, dict) and isinstance(before, dict):
        return value.keys() == before.keys() and all(_agrees(value[key], before[key]) for key in value)
    if isinstance(value, list) and isinstance(before, list):
        return len(value) == len(before) and all(map(_agrees, value, before))
    return value == before


def _overtime(number: int, frame: FrameType | None) -> None:
    raise OvertimeError("".join(traceback.format_stack(frame)[-8:]))


def main(image: Path, kind: str, count: int, seed: int, sealed: bool, sealed_content: bool) -> None:
    """See the module."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    signal.signal(signal.SIGALRM, _overtime)
    names = pipeline.every_fact(content.load())
    sound = scan(image, names, None)
    assert sound.refusal is None, sound.refusal
    assert len(sound.entries) > 300, "the sound image cannot be read"
    paths = list(sound.entries)
    spoiled = spoiling.truncations(image, count, seed) if kind == "cut" else spoiling.flips(image, count, seed)
    cut = kind == "cut"
    tally: Counter[str] = Counter()
    slowest, largest = 0.0, 0
    for word in spoiled:
        Path("/proc/self/clear_refs").write_text("5")
        signal.alarm(SECONDS)
        start = time.monotonic()
        found: list[str] = []
        try:
            got = scan(image, names, paths)
            signal.alarm(0)
            found = wrong(sound, got, names_too=cut or sealed, content_too=cut or sealed_content)
            tally["refused" if got.refusal is not None else _kind_of(sound, got)] += 1
        except OvertimeError as error:
            found = [f"takes longer than {SECONDS} s: {error}"]
        except Exception:  # noqa: BLE001 - this is what is looked for
            found = [f"traceback: {traceback.format_exc()}"]
        finally:
            signal.alarm(0)
        slowest, largest = max(slowest, time.monotonic() - start), max(largest, high_water())
        if high_water() > MEMORY:
            found.append(f"needs {high_water() >> 20} MiB")
        if found:
            print(json.dumps({"spoiled": word, "wrong": found[:12], "all": len(found)}), flush=True)
    print(json.dumps({"done": count, "slowest": round(slowest, 2), "mib": largest >> 20, **tally}), flush=True)


def _kind_of(sound: Seen, got: Seen) -> str:
    if got.facts == sound.facts and got.entries == sound.entries and got.contents == sound.contents:
        return "unchanged"
    return "partly read"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5] == "1", sys.argv[6] == "1")
