"""`assay explain`: why a result or control is what it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from scanner.cli import shared


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("explain", epilog="Example: assay explain assessment.json kernel-lockdown-confidentiality")(explain)


def explain(
    assessment: Annotated[str, typer.Argument(help="Assessment file; - is standard input.")],
    name: Annotated[str, typer.Argument(metavar="ID", help="Rule, instance, public rule id, or control.")],
    snapshot: Annotated[str, typer.Option("--snapshot", help="Snapshot file: shows the facts that were used.")] = "",
    json: shared.JsonOption = False,
) -> None:
    """Show the rule, the facts used, the deciding clause, expected, found and where."""
    document = shared.read_assessment(assessment)
    results = [
        one for one in document["results"] if name in (one["rule"], one["instance"]) or name in one.get("upstream", ())
    ]
    controls = [one for one in document["controls"] if name in (one["id"], f"{one['framework']}:{one['id']}")]
    if not results and not controls:
        from difflib import get_close_matches

        from scanner.model.errors import UsageError

        known = [one["rule"] for one in document["results"]] + [one["id"] for one in document["controls"]]
        near = get_close_matches(name, known, 1)
        raise UsageError(
            f"{name!r} is neither a rule nor a control of this assessment",
            hint=f"did you mean {near[0]}?" if near else "assay report ASSESSMENT --show all lists the rules",
        )
    facts = shared.read_snapshot(snapshot).facts_json() if snapshot else {}
    if json:
        shared.print_json({"results": results, "controls": controls})
        return
    lines: list[str] = []
    for control in controls:
        lines += _control(control, document)
    for result in results:
        lines += _result(result, document, facts)
    from scanner.outputs.table import clean

    shared.echo("\n".join(map(clean, lines)).rstrip() + "\n")


def _control(control: Mapping[str, Any], document: Mapping[str, Any]) -> list[str]:
    from scanner.outputs._words import answered_sentence
    from scanner.outputs.table import clean

    framework = document["summary"].get(control["framework"], {})
    lines = [
        f"{control['id']}  {clean(control['title'])}",
        f"  framework {clean(framework.get('title', control['framework']))} ({framework.get('fit', '?')} fit)",
        f"  status    {control['status'].replace('_', ' ')}",
        f"  coverage  {control['coverage'].replace('_', ' ')}",
    ]
    if control.get("note"):
        lines.append(f"  note      {clean(control['note'])}")
    if control.get("answered"):
        lines.append(f"  answered  by a person: {clean(answered_sentence(control['answered']))}")
    by_instance = {one["instance"]: one for one in document["results"]}
    for name in control["results"]:
        one = by_instance[name]
        lines.append(f"  {one['status']:<15} {name}: {clean(one['explanation'])}")
    if not control["results"]:
        lines.append("  no rule judges this control")
    return [*lines, ""]


def _result(result: Mapping[str, Any], document: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    from scanner.outputs.table import clean

    rule = document["rules"].get(result["rule"], {})
    lines = [f"{result['instance']}  {clean(result['title'])}", f"  status    {result['status'].replace('_', ' ')}"]
    if result.get("claim_verdict"):
        lines.append(f"  claim     {result['claim_verdict'].replace('_', ' ')}")
    lines += [
        "  halves    " + ", ".join(f"{half} {status.replace('_', ' ')}" for half, status in result["facets"].items()),
        f"  why       {clean(result['explanation'])}",
        f"  expected  {clean(result['expected'])}",
        f"  found     {clean(result['found'])}",
    ]
    for one in result["evidence"]:
        place = f":{one['line']}" if "line" in one else f" at offset {one['offset']}" if "offset" in one else ""
        lines.append(
            f"  where     {clean(one['source'])}{place}  sha256 {one['sha256'] or 'not shown: may hold a secret'}"
        )
    for name, value in result["params"].items():
        lines.append(f"  parameter {name} = {clean(value)} (from {result['param_sources'].get(name, 'rule')})")
    for name in result["facts"]:
        lines.append(f"  fact      {name}{_fact(facts.get(name))}")
    if rule:
        lines.append(f"  matters   {clean(rule['rationale'])}")
        lines.append(f"  fix       {clean(rule['remediation']['summary'])}")
        lines += [f"            $ {clean(command)}" for command in rule["remediation"]["commands"]]
        for framework, ids in rule["mappings"].items():
            lines.append(f"  serves    {framework}: {', '.join(ids)}")
    if result["upstream"]:
        lines.append(f"  also as   {', '.join(result['upstream'])}")
    if result.get("waiver"):
        waiver = result["waiver"]
        state = "expired" if waiver["expired"] else "valid"
        lines.append(f"  waiver    {clean(waiver['id'])} ({state} until {waiver['expires']})")
        lines.append(f"            {clean(waiver['owner'])}: {clean(waiver['reason'])}")
    return [*lines, ""]


def _fact(fact: Mapping[str, Any] | None) -> str:
    from scanner.engine.conditions import show
    from scanner.outputs.table import clean

    if fact is None:
        return ""
    reason = f" ({clean(fact['reason'])})" if fact.get("reason") else ""
    if fact["state"] != "present":
        return f": {fact['state'].replace('_', ' ')}{reason}"
    value = fact["value"]
    return f": a table of {len(value)} records" if isinstance(value, list) else f": {clean(show(value))}"
