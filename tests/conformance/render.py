"""Render the public project's scenarios for one product, with that project's own modules.

Run with an interpreter that has what those modules import (jinja2, PyYAML, setuptools), never with ours:

    python render.py CHECKOUT OUT --rules FILE [--product rhel10]

CHECKOUT is a work tree of ComplianceAsCode/content; FILE holds one public rule id a line; OUT receives a folder a
rule with its scenarios and helper files, `shared/`, and `index.json`:

    {"source", "product", "variables": {name: default}, "profiles": {id: {variable: value}},
     "profile_rules": {id: [rule]},
     "rules": {id: {"template", "scenarios": [file name], "other_product": count, "errors": [text]}}}
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

SCENARIO = re.compile(r"\.[^.]+\.sh$")


def main() -> None:
    """Write the scenarios of the asked rules to OUT."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rules", type=Path, required=True, help="file with one public rule id a line")
    parser.add_argument("--product", default="rhel10")
    given = parser.parse_args()
    checkout = given.checkout.resolve()
    sys.path.insert(0, str(checkout))
    wanted = set(given.rules.read_text().split())
    given.out.mkdir(parents=True, exist_ok=True)
    index: dict[str, Any] = {"source": _commit(checkout), "product": given.product}
    index["variables"], index["profiles"], index["profile_rules"] = _values(checkout, given.product, wanted)
    index["rules"] = _rules(given.out, given.product, wanted)
    _shared(given.out, given.product)
    (given.out / "index.json").write_text(json.dumps(index, indent=1, sort_keys=True))
    count = sum(len(rule["scenarios"]) for rule in index["rules"].values())
    print(f"{count} scenarios of {len(index['rules'])} rules; not in this product: {len(wanted - set(index['rules']))}")


def _commit(checkout: Path) -> str:
    marker = checkout / ".commit"  # a work tree made by `git archive` carries no history
    if marker.exists():
        return marker.read_text().strip()
    done = subprocess.run(
        ["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def _values(
    checkout: Path, product: str, wanted: set[str]
) -> tuple[dict[str, str], dict[str, dict[str, str]], dict[str, list[str]]]:
    """The default of every variable, the values each profile of the product chooses, and its rules."""
    import ssg.build_profile
    import ssg.build_yaml
    import ssg.controls
    import ssg.products
    import ssg.yaml

    from tests.ssg_test_suite import common

    env = common.get_product_context(product)
    options: dict[str, dict[str, Any]] = {}
    for folder, _, names in common.walk_through_benchmark_dirs(product):
        for name in names:
            if name.endswith(".var"):
                try:
                    data = ssg.yaml.open_and_expand(os.path.join(folder, name), env)
                except Exception as error:  # noqa: BLE001 - one variable of another product must not end the run
                    print(f"{name}: {error}", file=sys.stderr)
                    continue
                options[name.removesuffix(".var")] = data.get("options", {})
    # Values are written for XML: what a rule compares is the text behind the entities.
    options = {name: {key: html.unescape(str(one)) for key, one in values.items()} for name, values in options.items()}
    defaults = {name: values["default"] for name, values in options.items() if "default" in values}
    # A control file may name rules of every benchmark, and is refused as a whole when one is not known.
    existing = {os.path.basename(folder) for folder, _, names in os.walk(checkout) if "rule.yml" in names}
    controls = ssg.controls.ControlsManager(
        [str(checkout / "controls"), str(checkout / "products" / product / "controls")], env, existing
    )
    controls.load()
    controls.remove_selections_not_known(existing)
    controls.resolve_controls()
    files = sorted((checkout / "products" / product / "profiles").glob("*.profile"))
    profiles = ssg.build_profile.make_name_to_profile_mapping([str(file) for file in files], env, None)
    chosen: dict[str, dict[str, str]] = {}
    for name, profile in profiles.items():
        _extend(profile, profiles, controls)
        chosen[name] = {
            variable: options[variable][option]
            for variable, option in profile.variables.items()
            if option in options.get(variable, {})
        }
    return defaults, chosen, {name: sorted(wanted & set(profile.selected)) for name, profile in profiles.items()}


def _extend(profile: Any, profiles: dict[str, Any], controls: Any) -> None:
    """The profile with its controls and whatever it extends, without looking at rules."""
    if getattr(profile, "_assay_done", False):
        return
    profile._assay_done = True
    profile.resolve_controls(controls)
    parent = profiles.get(profile.extends) if profile.extends else None
    if parent is not None:
        _extend(parent, profiles, controls)
        profile.variables = {**parent.variables, **profile.variables}
        profile.selected = [*profile.selected, *(rule for rule in parent.selected if rule not in profile.unselected)]


def _rules(out: Path, product: str, wanted: set[str]) -> dict[str, Any]:
    import ssg.utils
    from ssg.rules import is_rule_dir

    from tests.ssg_test_suite import common
    from tests.ssg_test_suite.rule import Rule, Scenario

    env = common.get_product_context(product)
    found: dict[str, Any] = {}
    for folder, _, _ in common.walk_through_benchmark_dirs(product):
        name = os.path.basename(folder)
        if name not in wanted or not is_rule_dir(folder):
            continue
        record: dict[str, Any] = {"template": None, "scenarios": [], "other_product": 0, "errors": []}
        found[name] = record
        try:
            rule, local = common.load_rule_and_env(folder, env, product)
            template = rule.template["name"] if rule.template and rule.template["vars"] else None
            record["template"] = template
            tests = os.path.join(folder, "tests")
            known = Rule(tests, name, name, template, local, rule)
            templated = common.fetch_templated_tests_paths(known, env)
            own = common.fetch_local_tests_paths(tests)
        except Exception as error:  # noqa: BLE001 - said in the index, the others go on
            record["errors"].append(f"{type(error).__name__}: {error}")
            continue
        texts: dict[str, str] = {}
        for file_name, path in {**templated, **own}.items():
            try:
                if file_name in own:
                    texts.update(common.load_local_tests([path], local))
                else:
                    texts.update(common.load_templated_tests([path], rule.template, local))
            except Exception as error:  # noqa: BLE001
                record["errors"].append(f"{file_name}: {type(error).__name__}: {error}")
        for file_name, text in sorted(texts.items()):
            if SCENARIO.search(file_name):
                if not ssg.utils.is_applicable_for_product(
                    ",".join(Scenario(file_name, text).script_params["platform"]), product
                ):
                    record["other_product"] += 1
                    continue
                record["scenarios"].append(file_name)
            place = out / name / file_name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text + "\n")
    return found


def _shared(out: Path, product: str) -> None:
    from ssg.jinja import process_file

    from tests.ssg_test_suite import common

    env = common.get_product_context(product)
    base = Path(common._SHARED_DIR)
    for path in sorted(base.rglob("*")):
        if path.is_file():
            place = out / "shared" / path.relative_to(base)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(process_file(str(path), env) + "\n")


if __name__ == "__main__":
    main()
