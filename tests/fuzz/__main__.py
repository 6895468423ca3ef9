"""Coverage-guided fuzzing without anything but Python: inputs that reach a new step from line to line are kept.

    python -m tests.fuzz [--seconds N] [--seed N] [--crashes DIR] [TARGET…]

TARGET is a name or the start of one (`parser:`, `parser:sudoers`, `image:erofs`); without one, every parser. What ends
with another error than those of scanner.model.errors, or takes longer than ten seconds, is written to DIR and the exit
code is 1. The same seed gives the same inputs.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.targets import Target, targets

_OURS = str(Path(__file__).parents[2] / "scanner")
_DEADLINE = 10
_LONGEST = 1 << 20
_TOKENS = (
    b"\n", b"\\\n", b"\0", b"\xff\xff\xff\xff", b"\x80\0\0\0", b"=", b'"', b"'", b"#", b"[", b"]", b"(", b")", b"{", b"}",
    b"$(", b"${", b"`", b"%", b"*", b"<", b"</a>", b"<a b='", b":", b",", b"..", b"/", b"include ", b"0x", b"-1",
    b"99999999999999999999", b"\xc3\x28", b"\xe2\x80\xae", b"\x1b[31m", b"\r", b"\t", b"\x85", b"!", b"@", b"\xed\xa0\x80",
)  # fmt: skip


class OvertimeError(BaseException):
    """An input that takes too long."""


def _overtime(number: int, frame: FrameType | None) -> None:
    raise OvertimeError("".join(traceback.format_stack(frame)[-6:]))


class Coverage:
    """Steps from line to line in our own code, each seen once."""

    def __init__(self) -> None:
        self.seen: set[tuple[int, int, int]] = set()
        self.fresh = False

    def run(self, function: Callable[[bytes], None], data: bytes) -> bool:
        """Whether the input reached a step that none before it did."""
        self.fresh = False
        sys.settrace(self._enter)
        try:
            function(data)
        finally:
            sys.settrace(None)
        return self.fresh

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        if not code.co_filename.startswith(_OURS):
            return None
        last, mark, seen = code.co_firstlineno, id(code), self.seen

        def step(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
            nonlocal last
            arc = (mark, last, frame.f_lineno)
            if arc not in seen:
                seen.add(arc)
                self.fresh = True
            last = frame.f_lineno
            return step

        return step


def mutated(data: bytes, corpus: list[bytes], source: random.Random) -> bytes:
    """A neighbour of `data`."""
    made = bytearray(data)
    for _ in range(source.choice((1, 1, 2, 4, 8))):
        at = source.randrange(len(made) + 1)
        length = min(source.choice((1, 1, 2, 4, 16, 64, 512)), len(made) - at)
        match source.randrange(8):
            case 0 if made:
                made[min(at, len(made) - 1)] ^= 1 << source.randrange(8)
            case 1:
                made[at : at + length] = b""
            case 2:
                made[at:at] = source.choice(_TOKENS)
            case 3:
                made[at : at + length] = source.choice(_TOKENS)
            case 4:
                other = source.choice(corpus)
                begin = source.randrange(len(other) + 1)
                made[at:at] = other[begin : begin + source.choice((4, 32, 256, 4096))]
            case 5:
                made[at:at] = bytes(made[at : at + length]) * source.choice((1, 2, 50, 2000))
            case 6:
                made[at : at + 4] = source.randrange(1 << 32).to_bytes(4, source.choice(("little", "big")))
            case _:
                del made[at:]
    return bytes(made[:_LONGEST])


def fuzz(target: Target, seconds: float, source: random.Random, crashes: Path) -> int:
    """Fuzz for a while. How many different failures were found."""
    coverage, corpus = Coverage(), target.seeds()
    todo = list(corpus)
    failures: set[str] = set()
    slowest, count, end = 0.0, 0, time.monotonic() + seconds
    while todo or time.monotonic() < end:
        data = todo.pop() if todo else mutated(source.choice(corpus[-64:] + corpus), corpus, source)
        start = time.process_time()
        signal.alarm(_DEADLINE)
        try:
            if coverage.run(target.run, data) and not todo:
                corpus.append(data)
        except (Exception, OvertimeError) as error:  # noqa: BLE001 - this is what is looked for
            place = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
            if kind not in failures:
                failures.add(kind)
                crashes.mkdir(parents=True, exist_ok=True)
                name = f"{target.name.replace(':', '-')}-{hashlib.sha256(data).hexdigest()[:12]}"
                (crashes / name).write_bytes(data)
                print(f"{target.name}: {kind}: {str(error)[:300]}  -> {crashes / name}")
        finally:
            signal.alarm(0)
        count += 1
        slowest = max(slowest, time.process_time() - start)
    print(
        f"{target.name}: {count} inputs, {len(coverage.seen)} steps, slowest {slowest:.2f} s, {len(failures)} failures"
    )
    return len(failures)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="TARGET")
    parser.add_argument("--seconds", type=float, default=20, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--crashes", type=Path, default=Path("out/fuzz"))
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, _overtime)
    known = targets()
    wanted = [name for name in known if name.startswith(tuple(options.names or ["parser:"]))]
    if not wanted:
        raise SystemExit(f"no such target; known: {', '.join(known)}")
    found = sum(fuzz(known[name], options.seconds, random.Random(options.seed), options.crashes) for name in wanted)
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
