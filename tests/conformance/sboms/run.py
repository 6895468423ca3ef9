"""Hold what must be true of every SBOM against all that lie below some folders.

`python -m tests.conformance.sboms.run FOLDER…` with checkouts of CycloneDX/bom-examples, spdx/spdx-examples and whatever
else there is. For every file that is an SBOM: it does not differ from itself, nor from itself with everything in
another order (components, relations and statements; of JSON the members and lists of the text too); every component of
the text is loaded or counted as left out; and an edit of the text is told: each of `EDITS`, at a component chosen by
the seed. Ends 1 when one of these does not hold, or there is no SBOM. `-v` names the files that are none.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from scanner.model.errors import AssayError
from scanner.supply_chain.comparing.compare import compare
from scanner.supply_chain.loading.opening import open_bom
from scanner.supply_chain.model import Bom

Json = dict[str, Any]

EDITS: Mapping[str, Mapping[str, Callable[[Json], None]]] = {
    "cyclonedx": {
        "version": lambda one: one.update(version=f"{one.get('version', '')}.99"),
        "name": lambda one: one.update(name=f"{one.get('name', '')}-other"),
        "licence": lambda one: one.update(licenses=[{"license": {"name": "a licence that nobody has"}}]),
        "supplier": lambda one: one.update(supplier={"name": "a supplier that nobody has"}),
        "type": lambda one: one.update(type="firmware" if one.get("type") != "firmware" else "file"),
        "scope": lambda one: one.update(scope="excluded" if one.get("scope") != "excluded" else "optional"),
    },
    "spdx": {
        "version": lambda one: one.update(versionInfo=f"{one.get('versionInfo', '')}.99"),
        "name": lambda one: one.update(name=f"{one.get('name', '')}-other"),
        "licence": lambda one: one.update(licenseDeclared="AGPL-1.0-only", licenseConcluded="AGPL-1.0-only"),
        "supplier": lambda one: one.update(supplier="Organization: a supplier that nobody has"),
    },
}
_MAX_EDITED = 3_000_000
"""Bytes of a document that is edited; every edit loads it again."""


def problems(data: bytes, bom: Bom, dice: random.Random) -> Iterator[str]:
    """What does not hold for the SBOM that `data` was loaded as."""
    for what, other in (("itself", bom), ("itself in another order", _shuffled(bom, dice))):
        found = compare(bom, other)
        if found.changes or found.suggestions or found.accounted["unchanged"] != len(bom.components):
            yield f"differs from {what}: {len(found.changes)} changes"
    text = _text(data) if bom.encoding in ("json", "json-ld") else None
    if text is None:
        return
    if compare(bom, _loaded(_disordered(text, dice))).changes:
        yield "differs from its own text in another order"
    left_out = sum(one.count for one in bom.dropped if one.what in ("component", "package", "file"))
    if bom.format == "cyclonedx" or bom.spec.startswith("2."):
        least = sum(1 for _ in _parts(text, bom.format))
        if len(bom.components) + left_out < least:
            yield f"{least} components are in the text, {len(bom.components)} loaded, {left_out} counted as left out"
        if len(data) <= _MAX_EDITED:
            yield from _missed(text, bom, dice)


def _missed(text: Json, bom: Bom, dice: random.Random) -> Iterator[str]:
    """Edits that the comparison does not tell."""
    count = sum(1 for _ in _parts(text, bom.format))
    for name, edit in EDITS[bom.format].items() if count else ():
        changed = copy.deepcopy(text)
        at = dice.randrange(count)
        edit(next(one for number, one in enumerate(_parts(changed, bom.format)) if number == at))
        if changed != text and not compare(bom, _loaded(changed)).changes:
            yield f"another {name} at component {at} is not told"


def _parts(text: Json, format_: str) -> Iterator[Json]:
    """The components of the text itself: nested ones too, of SPDX the packages."""
    ahead = list(text.get("packages" if format_ == "spdx" else "components") or [])
    while ahead:
        one = ahead.pop(0)
        if isinstance(one, dict):
            yield one
            ahead += one.get("components") or []


def _shuffled(bom: Bom, dice: random.Random) -> Bom:
    def mixed(items: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(dice.sample(items, len(items)))

    return replace(
        bom,
        components=mixed(bom.components),
        relations=mixed(bom.relations),
        vulnerabilities=mixed(bom.vulnerabilities),
    )


def _disordered(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict):
        return {key: _disordered(value[key], dice) for key in dice.sample(list(value), len(value))}
    if isinstance(value, list):
        return [_disordered(one, dice) for one in dice.sample(value, len(value))]
    return value


def _text(data: bytes) -> Json | None:
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except ValueError:
        return None  # another encoding, or compressed
    return found if isinstance(found, dict) else None


def _loaded(text: Any) -> Bom:
    return open_bom(json.dumps(text).encode(), "edited")


def main(arguments: list[str]) -> int:
    """Look at every file; the exit code."""
    parser = argparse.ArgumentParser(prog="sboms")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-v", action="store_true", dest="verbose")
    options = parser.parse_args(arguments)
    files = components = wrong = 0
    for path in sorted(path for folder in options.folders for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        try:
            bom = open_bom(data, path.name)
        except AssayError as error:
            if options.verbose:
                print(f"  {path}: {error.message}")
            continue
        files, components = files + 1, components + len(bom.components)
        for problem in problems(data, bom, random.Random(f"{options.seed}/{path.name}")):
            wrong += 1
            print(f"! {path}: {problem}")
    print(f"{files} SBOMs with {components} components; {wrong} problems")
    return 1 if wrong or not files else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
