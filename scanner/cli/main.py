"""`assay`: puts the verbs together and turns errors into exit codes.

0 done · 1 gate not met · 2 usage · 3 incomplete · 4 verification failed · 70 internal error
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from scanner import __version__
from scanner.cli import shared
from scanner.model.errors import AssayError

__all__ = ["app", "main"]

VERBS = ("scan", "collect", "evaluate", "report", "check", "explain", "verify", "release", "schema")
"""Modules of this package with `register`, in the order of the help."""

GROUPS = ("gate", "waivers", "rules", "controls", "target", "sbom", "bundle", "key", "config")
"""Modules with an `app` of several verbs."""


class _Verbs(TyperGroup):
    """The verbs, each made when it is asked for: to make all of them costs a third of the start-up."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order of the help."""
        return [*VERBS, *GROUPS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb; None when there is none of that name."""
        if cmd_name not in (*VERBS, *GROUPS):
            for name in self.list_commands(ctx):  # a hint at what was meant needs them all
                self.get_command(ctx, name)
            return None
        if cmd_name not in self.commands:
            module = import_module(f"scanner.cli.{cmd_name}")
            made = typer.Typer(add_completion=False, rich_markup_mode=None)
            if cmd_name in VERBS:
                module.register(made)
            else:
                made.add_typer(module.app)
            self.commands.update(get_group(made).commands)
        return self.commands[cmd_name]


app = typer.Typer(
    name="assay",
    cls=_Verbs,
    help="Collect evidence from a Linux device or image, judge it by rules, explain and report every verdict.",
    epilog="Exit codes: 0 done, 1 gate not met, 2 usage, 3 incomplete, 4 verification failed, 70 internal error.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"assay {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    """Options before the verb."""


def main() -> None:
    """Entry point of the `assay` command."""
    # Rules, facts and results live until the end and hold no cycles: to look through them again and again costs a tenth
    # of a scan.
    gc.set_threshold(200_000, 50, 50)
    # Nor is there anything to find at the end, where the interpreter looks through all of it once more.
    atexit.register(gc.freeze)
    try:
        app(prog_name="assay")  # whatever file started us: help, errors and completion name the command
    except AssayError as error:
        _complain(error)
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing to complain about.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except (SystemExit, KeyboardInterrupt):
        raise
    except Exception as error:
        if os.environ.get("ASSAY_DEBUG"):
            raise
        shared.say(f"assay: internal error: {type(error).__name__}: {error}")
        shared.say("  this is a bug in Assay; ASSAY_DEBUG=1 shows where. Please report it.")
        raise SystemExit(70) from None


def _complain(error: AssayError) -> None:
    shared.say(f"assay: {error}")
    if error.hint:
        shared.say(f"  {error.hint}")


if __name__ == "__main__":
    main()
