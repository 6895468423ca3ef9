"""`assay rules`: list, show, lint and test the rules."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scanner.cli import shared

app = typer.Typer(name="rules", help="List, show, lint and test rules.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list", epilog="Example: assay rules list --framework cis-rhel10")
def list_rules(
    framework: Annotated[str, typer.Option("--framework", help="Only rules mapped to this framework.")] = "",
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    json: shared.JsonOption = False,
) -> None:
    """Every rule: id, severity, title."""
    book = shared.load_content(shared.settings(content=content)["content"], allow_override)
    chosen = [book.rules[name] for name in book.rules]
    if framework:
        from scanner.frameworks import catalog
        from scanner.model.errors import UsageError

        if framework not in catalog.frameworks(book):
            raise UsageError(f"there is no framework {framework!r}", hint="assay controls list shows them")
        chosen = [rule for rule in chosen if framework in rule.mappings]
    if json:
        shared.print_json(
            [
                {
                    "id": rule.id,
                    "severity": rule.severity,
                    "title": rule.title,
                    "area": rule.area,
                    "upstream": list(rule.upstream),
                }
                for rule in chosen
            ]
        )
        return
    width = max((len(rule.id) for rule in chosen), default=0)
    shared.echo("".join(f"{rule.id:<{width}}  {rule.severity:<8}  {rule.title}\n" for rule in chosen))
    shared.echo(f"{len(chosen)} rules\n")


@app.command("show", epilog="Example: assay rules show sshd_disable_root_login")
def show_rule(
    name: Annotated[str, typer.Argument(metavar="RULE", help="Rule id, or the id of the equivalent public rule.")],
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    json: shared.JsonOption = False,
) -> None:
    """A rule in full: why, check, parameters, mappings, remedy."""
    book = shared.load_content(shared.settings(content=content)["content"], allow_override)
    for rule in book.rules.named(name):
        if json:
            shared.print_json(
                {
                    "id": rule.id,
                    "title": rule.title,
                    "severity": rule.severity,
                    "rationale": rule.rationale,
                    "check": rule.check,
                    "when": rule.when,
                    "params": {
                        one.name: {
                            "type": one.type,
                            "default": one.default,
                            "about": one.about,
                            "alias": list(one.alias),
                        }
                        for one in rule.params.values()
                    },
                    "mappings": {framework: list(ids) for framework, ids in rule.mappings.items()},
                    "upstream": list(rule.upstream),
                    "source": f"rules/{rule.source}",
                }
            )
            continue
        import yaml

        lines = [f"{rule.id}  ({rule.severity})", f"  {rule.title}", "", f"  {rule.rationale}", ""]
        lines += [f"  parameter {one.name}: {one.about} Default {one.default}." for one in rule.params.values()]
        lines += [f"  {framework}: {', '.join(ids)}" for framework, ids in rule.mappings.items()]
        lines += [f"  public ids: {', '.join(rule.upstream)}"] if rule.upstream else []
        lines += [f"  remedy: {rule.remediation.summary}", *(f"    $ {one}" for one in rule.remediation.commands), ""]
        check: dict[str, Any] = {"when": rule.when} if rule.when else {}
        check["check"] = rule.check
        text = yaml.safe_dump(check, sort_keys=False, width=110, allow_unicode=True)
        lines += [f"  {line}" for line in text.splitlines()]
        lines += ["", f"  {len(book.rules.with_cases(rule.id).tests)} cases of its own; file rules/{rule.source}"]
        shared.echo("\n".join(lines) + "\n")


@app.command("lint", epilog="Example: assay rules lint --content company/")
def lint(
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    json: shared.JsonOption = False,
) -> None:
    """Check the form of all content: rules, facts they ask, mappings, catalogs, profiles. Ends 2 on a finding."""
    from scanner.frameworks.lint import findings

    book = shared.load_content(shared.settings(content=content)["content"], allow_override)
    found = findings(book)
    if json:
        shared.print_json([{"where": one.where, "message": one.message} for one in found])
    else:
        shared.echo("".join(f"{one.where}: {one.message}\n" for one in found))
        shared.echo(f"{len(book.rules)} rules, {len(found)} findings\n")
    if found:
        raise typer.Exit(2)


@app.command("test", epilog="Example: assay rules test kernel-lockdown-confidentiality")
def test(
    names: Annotated[list[str] | None, typer.Argument(metavar="[RULE]...", help="Rules; nothing = all.")] = None,
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    json: shared.JsonOption = False,
) -> None:
    """Run the cases inside the rules. Ends 2 when one does not give what it expects."""
    from scanner.engine.cases import run_cases

    book = shared.load_content(shared.settings(content=content)["content"], allow_override)
    chosen = (
        [rule for name in names for rule in book.rules.named(name)]
        if names
        else [book.rules[one] for one in book.rules]
    )
    outcomes = [outcome for rule in chosen for outcome in run_cases(book.rules.with_cases(rule.id))]
    bad = [outcome for outcome in outcomes if not outcome.ok]
    if json:
        shared.print_json(
            [{"rule": one.rule, "case": one.case, "ok": one.ok, "message": one.message} for one in outcomes]
        )
    else:
        shared.echo("".join(f"{one.rule}: {one.case}: {one.message}\n" for one in bad))
        shared.echo(f"{len(chosen)} rules, {len(outcomes)} cases, {len(bad)} wrong\n")
    if bad:
        raise typer.Exit(2)
