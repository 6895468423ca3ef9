"""`assay`: puts the verbs together and turns errors into exit codes.

0 done · 1 gate not met · 2 usage · 3 incomplete · 4 verification failed · 70 internal error
"""

from __future__ import annotations

import gc
import os
import sys

import typer

from scanner import __version__
from scanner.cli import (
    check,
    collect,
    config,
    controls,
    evaluate,
    explain,
    release,
    report,
    rules,
    sbom,
    scan,
    schema,
    shared,
    target,
    verify,
)
from scanner.model.errors import AssayError

__all__ = ["app", "main"]

app = typer.Typer(
    name="assay",
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


for module in (scan, collect, evaluate, report, check, explain, verify, release, schema):
    module.register(app)
for group in (rules, controls, target, sbom, config):
    app.add_typer(group.app)


def main() -> None:
    """Entry point of the `assay` command."""
    # Rules, facts and results live until the end and hold no cycles: to look through them again and again costs a tenth
    # of a scan.
    gc.set_threshold(200_000, 50, 50)
    try:
        app()
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
