"""The manual page `assay(1)`, made from the help of every verb.

    python -m scanner.cli.manual --output dist/assay.1

Written are man(7) macros with ASCII alone. Nothing about a verb stands here: usage, arguments, options and examples are
what `assay VERB --help` says, settings what `scanner.config` says.
"""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from typer.main import get_command

from scanner import __version__, config, files
from scanner.cli import shared
from scanner.cli.main import app

__all__ = ["ENVIRONMENT", "page"]

ENVIRONMENT = {
    "ASSAY_CONFIG": "Settings file to use in place of those under FILES.",
    "ASSAY_DEBUG": "Set to anything: an internal error shows its traceback.",
    "ASSAY_KEY_PASSWORD": "Password of a private key, where no --password-file is given.",
    "GITHUB_ACTIONS": "true in a workflow: `assay gate` writes annotations.",
    "GITHUB_STEP_SUMMARY": "File of a workflow's step; there `assay gate` adds its result.",
    "HOME": "Where settings and the cache lie without the XDG variables.",
    "NO_COLOR": "Set to anything: no colour on a terminal.",
    "SOURCE_DATE_EPOCH": "Instant of the evaluation in seconds since 1970, where no --clock is given.",
    "TMPDIR": "Where compressed images are unpacked to, in files without a name.",
    "XDG_CACHE_HOME": "Where parsed content is cached.",
    "XDG_CONFIG_HOME": "Where the settings file of a user lies.",
}
"""What Assay reads of its surroundings beside the settings; tests hold the list against the sources."""

_FILES = {
    "assay.toml": "Settings, in the current folder.",
    "$XDG_CONFIG_HOME/assay/assay.toml": "Settings of a user, where the current folder has none (default: ~/.config).",
    "$XDG_CACHE_HOME/assay/": "Parsed rules and controls; may be removed at any time (default: ~/.cache).",
}


def page(day: str) -> str:
    """The manual page. `day`: its date, as 2026-01-31."""
    top = get_command(app)
    lines = [
        f'.TH ASSAY 1 {day} "assay {__version__}" "User Commands"',
        ".SH NAME",
        rf"assay \- {_text(_summary(top))}",
        ".SH SYNOPSIS",
        *_usage("assay", top.collect_usage_pieces(_context(top, "assay"))),
        ".SH DESCRIPTION",
        *_prose(top.help or ""),
        ".PP",
        *_prose("What stands below is what `assay COMMAND --help` prints. Formats and files are described in docs/."),
        ".SH OPTIONS",
        *_parameters(top),
        ".SH COMMANDS",
    ]
    for name, command in _leaves(top, "assay"):
        lines += _command(name, command)
    lines += [".SH EXIT STATUS", *_tagged(_exit_codes(top.epilog or ""))]
    lines += [".SH ENVIRONMENT", *_tagged(sorted({**_settings(), **ENVIRONMENT}.items()))]
    lines += [".SH FILES", *_tagged(_FILES.items()), ".SH EXAMPLES"]
    for name, command in _leaves(top, "assay"):
        lines += _example(name, command)
    return "\n".join([*lines, ".SH SEE ALSO", r"\fBcosign\fP(1), \fBskopeo\fP(1), \fBoscap\fP(8)"]) + "\n"


def _leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every verb with its full name, in the order of the help."""
    context = _context(command, name)
    for word in command.list_commands(context):
        verb = command.get_command(context, word)
        if hasattr(verb, "list_commands"):
            yield from _leaves(verb, f"{name} {word}")
        else:
            yield name if verb.hidden else f"{name} {word}", verb  # hidden is what a group does without a word


def _command(name: str, verb: Any) -> list[str]:
    words = verb.collect_usage_pieces(_context(verb, name))
    lines = [f'.SS "{_text(name.removeprefix("assay "))}"', *_usage(name, words)]
    for paragraph in [*(verb.help or "").split("\n\n"), (verb.epilog or "").partition("Example:")[0]]:
        lines += [".PP", *_prose(paragraph)] if paragraph.strip() else []
    return [*lines, *_parameters(verb)]


def _context(command: Any, name: str) -> Any:
    return command.make_context(name, [], resilient_parsing=True)


def _usage(name: str, words: Iterable[str]) -> list[str]:
    shown = " ".join(rf"\fI{_text(word)}\fP" for word in words)
    return [".nf", rf"\fB{_text(name)}\fP {shown}", ".fi"]


def _parameters(verb: Any) -> list[str]:
    """Arguments and options with what the help says of them, `--help` last."""
    context = _context(verb, "assay")
    records = [one.get_help_record(context) for one in verb.get_params(context)]
    return _tagged(record for record in records if record)


def _tagged(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """A list of terms, each with its explanation below."""
    return [line for term, about in pairs for line in (".TP", rf"\fB{_text(term)}\fP", *_prose(about))]


def _example(name: str, verb: Any) -> list[str]:
    shown = " ".join((verb.epilog or "").partition("Example:")[2].split())
    if not shown:
        return []
    return [".TP", _text(_summary(verb)), ".nf", rf"\fB{_text(shown)}\fP", ".fi"]


def _exit_codes(epilog: str) -> list[tuple[str, str]]:
    """The pairs of `Exit codes: 0 done, 1 gate not met, …`."""
    return re.findall(r"(\d+) ([^,.]+)", epilog)


def _settings() -> dict[str, str]:
    return {f"ASSAY_{name.upper()}": f"Setting {name}: {about}." for name, (_, _, about) in config.SETTINGS.items()}


def _summary(verb: Any) -> str:
    """The first sentence of a help text."""
    return " ".join((verb.help or "").split()).split(". ")[0].rstrip(".")


def _prose(text: str) -> list[str]:
    """A paragraph in lines that editors and linters of roff like."""
    lines = textwrap.wrap(_text(text), 78, break_long_words=False, break_on_hyphens=False)
    return [rf"\&{line}" if line[0] in ".'" else line for line in lines]


def _text(text: str) -> str:
    """Plain text as roff: nothing in it is an escape, words in backquotes are bold."""
    text = " ".join(text.split()).replace("\\", r"\e").replace("-", r"\-")
    text = re.sub(r"`([^`]+)`", r"\\fB\1\\fP", text)
    return "".join(one if one.isascii() else rf"\[u{ord(one):04X}]" for one in text)


def main() -> None:
    """Command line of this module."""
    parser = argparse.ArgumentParser(prog="python -m scanner.cli.manual", description="Write the manual page assay(1).")
    parser.add_argument("--output", default="-", help="where to write it; - is stdout")
    files.write_output(parser.parse_args().output, page(shared.now("")[:10]).encode("ascii"))


if __name__ == "__main__":
    main()
