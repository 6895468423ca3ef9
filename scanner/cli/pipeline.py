"""The steps that `scan`, `evaluate` and `check` share: choose profiles, know what to collect, what to judge with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scanner.cli import shared
from scanner.model.errors import InputError

if TYPE_CHECKING:
    from scanner.engine.content import Content
    from scanner.frameworks.inputs import Inputs, Text
    from scanner.frameworks.select import Selected
    from scanner.model.control import Profile
    from scanner.model.result import Result
    from scanner.target.base import Target

DEFAULT_PROFILE = "linux-baseline"


def chosen_profiles(
    content: Content, names: Sequence[str], identity: Mapping[str, Any], *, quiet: bool = False
) -> list[Profile]:
    """The named profiles, or the one the target's identity chooses (said in one line on stderr)."""
    from scanner.frameworks.profiles import profile, profiles

    if names:
        return [_profile(content, name) for name in dict.fromkeys(names)]
    os_id = identity.get("os_id")
    own = [one for one in profiles(content).values() if os_id and os_id in one.default_for]
    if own:
        why = f"this is {os_id}"
    else:
        own = [profile(content, DEFAULT_PROFILE)]
        why = f"no profile is written for {os_id or 'an unnamed system'}"
    if not quiet:
        shared.say(f"assay: profile {', '.join(one.id for one in own)} ({why}; --profile chooses others)")
    return own


def _profile(content: Content, name: str) -> Profile:
    """A shipped profile by name, or the one in a file (a name with a slash, or that ends with .yaml or .yml)."""
    from scanner import files
    from scanner.frameworks.profiles import from_file, profile

    if "/" in name or name.endswith((".yaml", ".yml")):
        return from_file(content, files.read_input(name), name)
    return profile(content, name)


def wanted_facts(selected: Selected) -> list[str]:
    """The facts that the selected instances may ask for."""
    from scanner.engine.cases import runtime_fact_names
    from scanner.frameworks.select import plan

    return plan(list(selected.instances.values()), runtime_fact_names())


def every_fact(content: Content) -> list[str]:
    """Every declared fact without argument, and every one with argument that a shipped rule asks for.

    Rules are asked with their default parameters and with the values of each framework. Facts on demand are left out:
    a profile whose rules ask for them has them collected.
    """
    from scanner.collectors.registry import specs, split
    from scanner.engine.cases import runtime_fact_names
    from scanner.engine.judge import Instance
    from scanner.engine.params import resolve
    from scanner.frameworks import catalog
    from scanner.frameworks.select import plan

    known = catalog.frameworks(content)
    instances = []
    for name in content.rules:
        rule = content.rules[name]
        wanted = [{}, *(framework.params[name] for framework in known.values() if name in framework.params)]
        instances += [Instance(rule, *resolve(rule, [("framework", values)])) for values in wanted]
    asked = plan(instances, runtime_fact_names())
    known_facts = specs()
    cheap = {name for name in asked if split(name)[0] not in known_facts or not known_facts[split(name)[0]].on_demand}
    return sorted({*cheap, *(name for name, spec in known_facts.items() if not spec.argument and not spec.on_demand)})


def identify(target: Target) -> dict[str, Any]:
    """What the target calls itself, from the identity facts alone."""
    from scanner.collectors.registry import collect
    from scanner.collectors.take import IDENTITY_FACTS, identity

    return identity(collect(target, IDENTITY_FACTS)[0])


def inputs(profiles: Sequence[Profile], params: Mapping[str, str], values: Mapping[str, Any]) -> Inputs:
    """What to judge with. `values` are the settings (waivers, answers, clock, min_coverage)."""
    from scanner.frameworks.inputs import Inputs

    return Inputs(
        profiles=tuple(profiles),
        clock=shared.now(values["clock"]),
        params=params,
        waivers=_text(values["waivers"]),
        answers=_text(values["answers"]),
        min_coverage=values["min_coverage"],
    )


def _text(path: str) -> Text | None:
    """A user's file as text. Raises InputError when it is none."""
    from scanner import files
    from scanner.frameworks.inputs import Text

    if not path:
        return None
    try:
        return Text(path, files.read_input(path).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 text: {error.reason} at byte {error.start}", where=path) from None


def one_result(result: Result) -> str:
    """A single result for a terminal."""
    from scanner.outputs.table import clean

    lines = [f"{result.status.upper()}  {clean(result.title)}  [{result.instance}]"]
    facets = ", ".join(f"{half} {status.replace('_', ' ')}" for half, status in result.facets.items())
    lines += [f"  halves    {facets}", f"  expected  {clean(result.expected)}", f"  found     {clean(result.found)}"]
    for evidence in result.evidence:
        place = f":{evidence.line}" if evidence.line is not None else ""
        lines.append(
            f"  where     {clean(evidence.source)}{place}  sha256 {evidence.sha256 or 'not shown: may hold a secret'}"
        )
    return "\n".join(lines) + "\n"
