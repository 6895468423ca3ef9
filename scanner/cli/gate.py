"""`assay gate`: compare a release with its baseline and decide. `gate init` and `gate accept` stand beside it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from scanner.cli import shared, signed
from scanner.cli.gate_day import gate_instant
from scanner.model.errors import InputError, UsageError

if TYPE_CHECKING:
    from scanner.gate.opening import Opened
    from scanner.gate.policy import Policy
    from scanner.gate.waiving import Layered

__all__ = ["app"]

_DECIDE = "decide"


class _Gate(TyperGroup):
    """`assay gate NEW` decides; `init` and `accept` are verbs of their own. A file of that name is written ./init."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the unnamed verb in front of arguments that begin with none."""
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = [_DECIDE, *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Show the arguments of the unnamed verb."""
        formatter.write_usage(ctx.command_path, "[OPTIONS] NEW")

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The options of the unnamed verb, then the named ones."""
        with formatter.section("Arguments"):
            formatter.write_dl([("NEW", "Assessment, snapshot, bundle, directory or image of the new release.")])
        options = [
            record
            for parameter in self.commands[_DECIDE].get_params(ctx)
            if parameter.param_type_name == "option" and (record := parameter.get_help_record(ctx))
        ]
        with formatter.section("Options"):
            formatter.write_dl(options)
        self.format_commands(ctx, formatter)


app = typer.Typer(
    name="gate",
    cls=_Gate,
    help="Compare a release with its baseline and decide whether it may go out.",
    epilog="Exit codes: 0 met, 1 not met, 2 usage, 3 incomplete or not comparable, 4 a bundle did not verify. "
    "Example: assay gate new.json --baseline old.json --policy gate.yaml",
    no_args_is_help=True,
    rich_markup_mode=None,
)

NewArgument = Annotated[
    str,
    typer.Argument(
        metavar="NEW", help="Assessment, snapshot, bundle, directory or image of the new release; - is standard input."
    ),
]
PolicyOption = Annotated[Path | None, typer.Option("--policy", help="Policy file; assay gate init writes one.")]
WaiversOption = Annotated[
    list[Path] | None,
    typer.Option("--waivers", help="Waiver file; repeatable, the widest first: organisation, product, release."),
]
AcceptOption = Annotated[
    list[str] | None,
    typer.Option("--accept-content", metavar="DIGEST", help="Digest of other rules of a bundle that you trust."),
]


@app.command(_DECIDE, hidden=True, epilog="Example: assay gate new.json --baseline old.json")
def decide(
    new: NewArgument,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="OLD", help="The same of the release before, or a recorded baseline."),
    ] = None,
    policy: PolicyOption = None,
    waivers: WaiversOption = None,
    rejudge: Annotated[
        bool, typer.Option("--rejudge", help="Judge both by the installed rules, so that only the systems differ.")
    ] = False,
    allow_different: Annotated[
        bool, typer.Option("--allow-different", help="Compare although kind, system, profile or fit differ.")
    ] = False,
    evidence: Annotated[
        list[Path] | None,
        typer.Option(
            "--evidence",
            help="Result of sbom diff, sbom check, sbom verify, verify or release as JSON; repeatable.",
        ),
    ] = None,
    image: Annotated[
        list[Path] | None,
        typer.Option("--image", help="OCI layout or archive that must be signed (by --key or --identity); repeatable."),
    ] = None,
    out: shared.OutputOption = None,
    key: signed.KeyOption = None,
    identity: signed.IdentityOption = "",
    issuer: signed.IssuerOption = "",
    identity_pattern: signed.IdentityPatternOption = "",
    issuer_pattern: signed.IssuerPatternOption = "",
    trusted_root: signed.RootOption = None,
    accept_content: AcceptOption = None,
    profile: shared.ProfileOption = None,
    param: shared.ParamOption = None,
    slot: shared.SlotOption = "",
    platform: shared.PlatformOption = "",
    luks_key: shared.KeysOption = None,
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    answers: shared.AnswersOption = "",
    clock: shared.ClockOption = "",
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
) -> None:
    """Compare a release with its baseline and decide. FORMATs: table, json, markdown, sarif, junit, gitlab."""
    from scanner.cli import gate_sides
    from scanner.gate import deciding
    from scanner.gate.judging import judged_differently
    from scanner.gate.outputs import registry
    from scanner.gate.supply import read_paper
    from scanner.outputs.base import parse_request

    if baseline is not None and not baseline.strip():
        raise UsageError("--baseline names nothing", hint="name the release before, or leave --baseline away")
    requests = [parse_request(one) for one in out or ()]
    for name, _ in requests:
        registry.check(name)
    now = gate_instant(clock)
    values = {**shared.settings(profile=profile, content=content, answers=answers), "clock": now}
    rules = _policy(policy)
    layered = _layered(waivers, values, now[:10])
    trust = signed.Trust(key or (), identity, issuer, identity_pattern, issuer_pattern, trusted_root)
    book = cache(lambda: shared.load_content(values["content"], allow_override))
    images = gate_sides.Images(slot, platform, luks_key or ())
    opener = gate_sides.Opener(
        trust, tuple(accept_content or ()), images, values, shared.parameters(param), book, quiet
    )
    papers = [read_paper(_read(path), str(path)) for path in evidence or ()]
    papers += [gate_sides.verified_image(path, trust, platform) for path in image or ()]
    opened = opener.open([new] if baseline is None else [new, baseline])
    of_new, of_old = opened[0], opened[1] if baseline is not None else None
    if of_new.baseline is not None:
        raise UsageError("a recorded baseline is no release", where=new, hint="name it with --baseline")
    again = opener.again(of_new) if rejudge else None
    sides = [opener.compared(one, again) for one in opened]
    found = deciding.decide(
        sides[0],
        sides[1] if len(sides) > 1 else None,
        rules,
        now=now,
        day_given=bool(clock),
        unsigned=dict.fromkeys(gate_sides.unsigned(opened, trust), "warning" if image else "incomplete"),
        layered=layered,
        papers=[*papers, *of_new.papers],
        apart=judged_differently(of_old, of_new) if rejudge and of_old is not None and not values["profile"] else (),
        allow_different=allow_different,
        rejudged=rejudge,
    )
    _say_chain(of_new, of_old, quiet=quiet)
    document = found.to_json()
    _write(document, requests, json=json, quiet=quiet)
    raise typer.Exit(found.exit_code)


@app.command("init", epilog="Example: assay gate init gate.yaml")
def init(
    path: Annotated[str, typer.Argument(help="Where to write it; - is stdout.")] = "gate.yaml",
) -> None:
    """Write a policy with every key, its default and what it means."""
    from scanner import files
    from scanner.gate.policy import template

    if path != "-" and Path(path).exists():
        raise UsageError("is there already, and is not replaced", where=path, hint="choose another name")
    files.write_output(path, template().encode())
    if path != "-":
        shared.say(f"assay: {path} written; use it with: assay gate NEW --baseline OLD --policy {path}")


@app.command(
    "accept",
    epilog="Example: assay gate accept new.json --baseline baseline.json --by me@example.org --reason 'release 2.4'",
)
def accept(
    new: NewArgument,
    baseline: Annotated[str, typer.Option("--baseline", metavar="FILE", help="The baseline file to write.")],
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="Who accepts it.")],
    reason: Annotated[str, typer.Option("--reason", metavar="WHY", help="Why it may be compared with.")],
    waivers: WaiversOption = None,
    key: signed.KeyOption = None,
    accept_content: AcceptOption = None,
    profile: shared.ProfileOption = None,
    param: shared.ParamOption = None,
    slot: shared.SlotOption = "",
    platform: shared.PlatformOption = "",
    luks_key: shared.KeysOption = None,
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    answers: shared.AnswersOption = "",
    clock: shared.ClockOption = "",
    quiet: shared.QuietOption = False,
) -> None:
    """Record a release as the baseline that the next one is compared with, with who accepted it and why."""
    from scanner import files
    from scanner.cli import gate_sides
    from scanner.gate.baselines import recorded
    from scanner.gate.waiving import waive_for

    if not by.strip() or not reason.strip():
        raise UsageError("--by and --reason say who accepts it and why")
    now = gate_instant(clock)
    values = {**shared.settings(profile=profile, content=content, answers=answers), "clock": now}
    layered = _layered(waivers, values, now[:10])
    book = cache(lambda: shared.load_content(values["content"], allow_override))
    images = gate_sides.Images(slot, platform, luks_key or ())
    trust = signed.Trust(key or ())
    opener = gate_sides.Opener(
        trust, tuple(accept_content or ()), images, values, shared.parameters(param), book, quiet
    )
    (opened,) = opener.open([new])
    if opened.baseline is not None:
        raise UsageError("this is a recorded baseline already", where=new)
    if gate_sides.unsigned([opened], trust):
        raise UsageError("is not signed, and --key says by whom it must be", where=new, hint="name its bundle")
    found = opener.compared(opened, None)
    previous = _recorded_before(baseline)
    waive = {number: waive_for(layered, side, now[:10]) for number, side in enumerate(found.sides)}
    files.write_output(baseline, recorded(found, waive, by=by, reason=reason, at=now, previous=previous))
    if not quiet:
        count = sum(len(side.records) for side in found.sides)
        bad = sum(record.status == "fail" for side in found.sides for record in side.records)
        was = f"; it takes the place of the one that {previous['accepted']['by']} accepted" if previous else ""
        shared.say(f"assay: {baseline}: {count} results recorded, {bad} of them fail{was}")


def _recorded_before(name: str) -> Mapping[str, Any] | None:
    """The baseline that stands in the file now. Raises InputError when the file is something else."""
    from scanner.gate.baselines import BASELINE_SCHEMA
    from scanner.schemas.reading import read_document

    if name == "-" or not Path(name).exists():
        return None
    try:
        return read_document(_read(Path(name)), "gate-baseline", BASELINE_SCHEMA, name, "assay gate accept")
    except InputError as error:
        raise InputError(
            f"would be replaced, and is no baseline: {error.message}", where=name, hint="name another file"
        ) from None


# ---- files -----------------------------------------------------------------------------------------------------------


def _read(path: Path) -> bytes:
    """The bytes of a file that the command line names."""
    from scanner import files

    return files.read_bytes(path)


def _policy(path: Path | None) -> Policy:
    from scanner.gate.policy import Policy, load_policy

    return Policy() if path is None else load_policy(_read(path), str(path))


def _layered(paths: Sequence[Path] | None, values: Mapping[str, Any], today: str) -> Layered | None:
    """The waiver files in the order given; else the one of the settings; None when there is none."""
    from scanner.engine.waivers import load_waivers
    from scanner.gate.waiving import Layer, Layered

    named = list(paths or ()) or ([Path(values["waivers"])] if values["waivers"] else [])
    if not named:
        return None
    layers = tuple(Layer(str(path), load_waivers(_read(path), str(path))) for path in named)
    return Layered(layers, today)


# ---- output ----------------------------------------------------------------------------------------------------------


def _say_chain(new: Opened, old: Opened | None, *, quiet: bool) -> None:
    """Whether the new bundle follows the baseline in its chain, in one line."""
    if quiet or old is None or not new.manifest or not old.manifest:
        return
    if new.previous == old.manifest:
        shared.say(f"assay: {new.name} follows {old.name} in its chain")
    else:
        shared.say(f"assay: {new.name} does not follow {old.name} in its chain")


def _write(document: Mapping[str, Any], requests: Sequence[tuple[str, str]], *, json: bool, quiet: bool) -> None:
    """Every output that was asked for, then what GitHub shows when it runs there, then the text."""
    from scanner import files
    from scanner.gate.outputs import registry

    for name, path in requests:
        files.write_output(path, registry.render(name, document))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        _github(document, quiet=quiet)
    if any(path == "-" for _, path in requests):
        return
    if json:
        files.write_output("-", registry.render("json", document))
    elif not quiet:
        from scanner.gate.outputs.table import text

        shared.echo(text(document, shared.terminal_style()))


def _github(document: Mapping[str, Any], *, quiet: bool) -> None:
    """Annotations on stderr, where the runner reads them too, and the summary of the step."""
    from scanner import files
    from scanner.gate.outputs import github, markdown

    if not quiet and sys.stderr is not None:
        # Not by `say`, which spoils what a log would take for a command: these are commands, and escaped.
        print("\n".join(github.commands(document)), file=sys.stderr)
    summary = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if summary:
        path = Path(summary)
        before = _read(path) if path.is_file() else b""
        files.write_output(summary, before + markdown.render(document))
