"""What several verbs share: options, opening targets and content, progress, writing outputs, the exit code."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scanner.model.errors import AssayError, UsageError

if TYPE_CHECKING:
    from scanner.engine.content import Content
    from scanner.model.result import Assessment
    from scanner.model.snapshot import Snapshot
    from scanner.outputs.table import Style
    from scanner.target.base import Target


_MAX_KEY = 8 * 1024 * 1024
"""Bytes of a key file, as cryptsetup takes them."""
_NOT_ENCRYPTED = "--luks-key is for a disk image"


def _shown(value: str) -> str:
    """`--show` is checked before anything is collected."""
    if value not in ("failures", "all"):
        raise UsageError(f"--show is failures or all, not {value!r}")
    return value


ContentOption = Annotated[
    list[Path] | None, typer.Option("--content", help="Extra content folder (rules/, controls/); repeatable.")
]
OverrideOption = Annotated[bool, typer.Option("--allow-override", help="Let extra content replace shipped ids.")]
ProfileOption = Annotated[list[str] | None, typer.Option("--profile", "-p", help="Profile to judge by; repeatable.")]
OutputOption = Annotated[
    list[str] | None,
    typer.Option("-o", "--out", metavar="FORMAT=PATH", help="Write an output; repeatable; - is stdout."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but what was asked for.")]
ParamOption = Annotated[
    list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="Value of a rule parameter; repeatable.")
]
WaiversOption = Annotated[str, typer.Option("--waivers", help="Waiver file.")]
AnswersOption = Annotated[str, typer.Option("--answers", help="File of people's answers to manual controls.")]
SlotOption = Annotated[str, typer.Option("--slot", help="Of several systems in an image, the one to assess.")]
PlatformOption = Annotated[
    str, typer.Option("--platform", help="Of several images in an archive, the one to assess (linux/arm64).")
]
KeysOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--luks-key",
        metavar="PATH",
        help="Key file (passphrase or volume key) that opens LUKS volumes of an image; repeatable.",
    ),
]
CoverageOption = Annotated[
    int | None,
    typer.Option("--min-coverage", min=0, max=100, help="Percent of applicable rules that must get a verdict."),
]
ClockOption = Annotated[
    str, typer.Option("--clock", metavar="INSTANT", help="Evaluate as of this instant (2026-01-31T00:00:00Z).")
]
ShowOption = Annotated[str, typer.Option("--show", callback=_shown, help="failures, or all.")]
VerboseOption = Annotated[
    int, typer.Option("--verbose", "-v", count=True, help="Say more on stderr; twice: every fact.")
]


def settings(**given: Any) -> dict[str, Any]:
    """Setting values with the command line on top."""
    from scanner import config

    return {name: setting.value for name, setting in config.load(given).items()}


def load_content(folders: Sequence[Path | str] | None, allow_override: bool) -> Content:
    """The content, or a ContentError that names file and line."""
    from scanner.engine import content

    return content.load(tuple(Path(folder) for folder in folders or ()), allow_override=allow_override)


def parameters(pairs: Sequence[str] | None) -> dict[str, str]:
    """`name=value` pairs from the command line."""
    found: dict[str, str] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--param {pair}: write NAME=VALUE")
        found[name.strip()] = value
    return found


def clock_given(clock: str) -> bool:
    """Whether the instant is given, by option or SOURCE_DATE_EPOCH, and not this machine's clock."""
    return bool(clock or os.environ.get("SOURCE_DATE_EPOCH"))


def now(clock: str) -> str:
    """The instant of the evaluation: as given, or SOURCE_DATE_EPOCH, or now."""
    import re
    from datetime import datetime

    from scanner.collectors.take import instant

    given = clock
    if clock:
        try:
            datetime.strptime(clock, "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - the Z says UTC; only the form is checked
        except ValueError:
            clock = ""
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", clock, re.ASCII):
            raise UsageError(f"--clock wants an instant as 2026-01-31T00:00:00Z, not {given!r}")
        return clock
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch and not re.fullmatch(r"\d{1,11}", epoch, re.ASCII):
        raise UsageError(f"SOURCE_DATE_EPOCH is seconds since 1970, not {epoch!r}")
    return instant(int(epoch) if epoch else time.time())


def say_run(snapshot: Snapshot, verbose: int) -> None:
    """With -v, how long each collector took and what it could not do; with -vv, every fact with its state as well."""
    if not verbose:
        return
    for one in snapshot.run["collectors"]:
        say(f"{one['duration_ms']:>7} ms  {one['id']}" + (f": {one['error']}" if one["error"] else ""))
    for name in sorted(snapshot.facts) if verbose > 1 else ():
        fact = snapshot.facts[name]
        say(f"  {fact.state:<13} {name}" + (f": {fact.reason}" if fact.reason else ""))


class Progress:
    """Says on stderr what is being done, once it takes longer than two seconds and only on a terminal."""

    def __init__(self, quiet: bool) -> None:
        self._on = not quiet and bool(sys.stderr and sys.stderr.isatty())
        self._since = time.monotonic()
        self._shown = False

    def __call__(self, what: str) -> None:
        if self._on and time.monotonic() - self._since > 2:
            print(f"\r\x1b[Kcollecting: {what}", end="", file=sys.stderr, flush=True)
            self._shown = True

    def done(self) -> None:
        """Clear the line."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def is_document(name: str) -> bool:
    """Whether the argument is a JSON document (a snapshot) and not an image: standard input, or text that begins so."""
    path = Path(name)
    if name == "-":
        return True
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(64).lstrip().startswith(b"{")


def open_target(
    name: str | None,
    *,
    runtime: bool = False,
    slot: str | None = None,
    platform: str | None = None,
    keys: Sequence[Path] | None = None,
) -> Target:
    """The target behind the argument: nothing = this machine, else a root tree, disk image or archive.

    `keys`: key files for what is encrypted in a disk image. Raises UsageError when it is none.
    """
    opened = _opened(name, runtime, slot, platform, _read_keys(keys or (), name))
    try:
        if opened.kind != "image":
            refuse_keys(keys)
            _refuse("--slot", slot, "a disk image with several systems")
        if opened.kind != "archive":
            _refuse("--platform", platform, "an OCI layout or archive")
    except UsageError:
        opened.close()
        raise
    return opened


def say_slot(opened: Target, *, quiet: bool) -> None:
    """Of several systems in an image: which one is assessed, and why, in one line on stderr."""
    layout = {} if quiet else opened.layout()
    slots = layout.get("slots")
    if isinstance(slots, list) and len(slots) > 1:
        say(f"assay: slot {layout['slot']} of {len(slots)} ({layout['why']}; --slot chooses another)")


def _refuse(option: str, given: str | None, what: str) -> None:
    """Raise UsageError when an option is given that would say nothing here."""
    if given is not None:
        raise UsageError(f"{option} is for {what}")


def refuse_keys(keys: Sequence[Path] | None) -> None:
    """Raise UsageError when key files are given for something that is no image."""
    if keys:
        raise UsageError(_NOT_ENCRYPTED)


def _read_keys(paths: Sequence[Path], name: str | None) -> list[bytes]:
    """The content of key files; what it says is never shown. Raises UsageError."""
    if name is None or Path(name).is_dir():
        refuse_keys(paths)
    keys = []
    for path in paths:
        try:
            with path.open("rb") as stream:
                key = stream.read(_MAX_KEY + 1)
        except OSError as error:
            raise UsageError(f"the key file cannot be read: {error.strerror or error}", where=str(path)) from None
        if not 0 < len(key) <= _MAX_KEY:
            raise UsageError(f"a key file holds 1 to {_MAX_KEY} bytes", where=str(path))
        keys.append(key)
    return keys


def _opened(name: str | None, runtime: bool, slot: str | None, platform: str | None, keys: Sequence[bytes]) -> Target:
    if name is None:
        from scanner.target.live import LiveTarget

        return LiveTarget()
    from scanner import config
    from scanner.target.opening import open_path

    if Path(name).is_dir():
        config.refuse_inside(Path(name))
    if runtime and not Path(name).is_dir():
        raise UsageError("--runtime is for a directory that holds /proc and /sys")
    return open_path(Path(name), runtime=runtime, slot=slot, platform=platform, keys=keys)


def read_snapshot(name: str) -> Snapshot:
    """A snapshot file, its form and digest checked."""
    from scanner import files
    from scanner.schemas import reading

    return reading.read_snapshot(files.read_input(name), name)


def read_assessment(name: str) -> Mapping[str, Any]:
    """An assessment file, its form checked."""
    from scanner import files
    from scanner.schemas import reading

    return reading.read_assessment(files.read_input(name), name)


def write_outputs(requests: Sequence[str] | None, document: Mapping[str, Any], texts: str = "") -> bool:
    """Render and write every `-o FORMAT=PATH`. True when one of them went to standard output.

    `texts`: folder of official texts; without one, that of the settings.
    """
    from scanner import files
    from scanner.cli.official_texts import with_supplied
    from scanner.outputs import base

    chosen = [(base.named(name), path) for name, path in (base.parse_request(one) for one in requests or ())]
    if chosen:
        document = with_supplied(document, settings(texts=texts)["texts"])
    problems: list[AssayError] = []
    for output, path in chosen:
        try:
            files.write_output(path, output.render(document))
        except AssayError as error:  # the other outputs are still written: nothing is lost for one bad path
            problems.append(error)
    for one in problems[1:]:
        say(f"assay: {one}")
    if problems:
        raise problems[0]
    return any(path == "-" for _, path in chosen)


def finish(assessment: Assessment, outputs: Sequence[str] | None, *, as_json: bool, quiet: bool, show: str) -> None:
    """Write the outputs, print the summary, and end with the exit code of the assessment."""
    document = assessment.to_json()
    taken = write_outputs(outputs, document)
    if as_json and not taken:
        from scanner import files
        from scanner.outputs import json as json_output

        files.write_output("-", json_output.OUTPUT.render(document))
    elif not quiet and not taken:
        print_text(document, show)
    reasons = assessment.completeness["reasons"]
    if reasons:
        if quiet or as_json or taken:
            for reason in reasons:
                say(f"assay: incomplete: {reason}")
        raise typer.Exit(3)


def print_text(document: Mapping[str, Any], show: str = "failures") -> None:
    """The terminal summary."""
    from scanner.outputs import table

    echo(table.text(document, terminal_style(), show))


def terminal_style() -> Style:
    """The width of the terminal, and colour only on a terminal that has it and without NO_COLOR."""
    from scanner.outputs.table import Style

    terminal = bool(sys.stdout and sys.stdout.isatty())
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(colour, shutil.get_terminal_size((100, 24)).columns)


def say(text: str) -> None:
    """One line on stderr. What the target or a file said in it cannot steer the terminal."""
    from scanner.outputs.table import clean

    if sys.stderr is not None:  # print would turn to stdout
        print(clean(text), file=sys.stderr)


def print_json(value: Any) -> None:
    """A value as canonical JSON, one line."""
    from scanner.model.canonical import canonical

    echo(canonical(value).decode() + "\n")


def echo(text: str) -> None:
    """Print text whatever the locale: what the terminal cannot show is replaced."""
    from scanner import files

    encoding = (sys.stdout and sys.stdout.encoding) or "utf-8"
    files.write_output("-", text.encode(encoding, "replace"))
