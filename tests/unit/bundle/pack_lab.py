"""A bundle of a kept snapshot, with everything in it, and ways to spoil it and sign it again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from scanner.bundle.case import Case
from scanner.bundle.creating import bundle_files
from scanner.bundle.manifest import CHECKSUMS, ENVELOPE, FOLDERS, MANIFEST, Entry, checksums, entry
from scanner.bundle.parts import Attachment, Parts, Subject
from scanner.bundle.private_keys import KeyFile, generate, load_private_key
from scanner.bundle.signing import envelope
from scanner.bundle.verdict import Verified
from scanner.bundle.verifying import verify_bundle
from scanner.engine.content import Content, load
from scanner.frameworks.inputs import Inputs, Text, evaluate
from scanner.frameworks.profiles import profile
from scanner.model.canonical import canonical
from scanner.model.snapshot import Snapshot
from scanner.schemas.reading import read_snapshot
from scanner.supply_chain.signing.wanted import Wanted

ROOT = Path(__file__).parents[3]
CONTENT = load()
CLOCK = "2026-03-01T00:00:00Z"
Files = dict[str, bytes]

WAIVERS = """schema: waivers/v1
waivers:
  - {id: W-1, rule: kernel-evm-active, reason: r, owner: o, expires: 2027-01-31}
"""


def new_key(algorithm: str = "ed25519") -> KeyFile:
    return load_private_key(generate(algorithm, b"")[0], "lab.key", None)


KEY = new_key()
OTHER = new_key()
WANTED = Wanted((KEY.public,))


def snapshot(name: str = "velaos-weak") -> Snapshot:
    return read_snapshot((ROOT / f"fixtures/evidence/{name}.json").read_bytes(), name)


def subject(name: str = "velaos-weak", content: Content = CONTENT, clock: str = CLOCK) -> Subject:
    taken = snapshot(name)
    inputs = Inputs((profile(content, "velaos"),), clock, waivers=Text("waivers.yaml", WAIVERS))
    return Subject(taken, evaluate(taken, content, inputs).to_json())


def parts(**more: Any) -> Parts:
    one = more.pop("subjects", None) or (subject(), subject("velaos-hardened"))
    control = one[0].assessment["controls"][0]
    given: dict[str, Any] = {
        "chain": "velaos",
        "created_at": CLOCK,
        "clock": "given",
        "reports": ("json", "html"),
        "sboms": (("release.cdx.json", b'{"bomFormat": "CycloneDX"}'),),
        "diffs": (("diff.json", b"{}"),),
        "signatures": (("verify.json", b"{}"),),
        "attachments": (Attachment(control["framework"], control["id"], "Policy (final).pdf", b"%PDF-1.7 policy"),),
    }
    return Parts(one, **(given | more))


def signed(files: Mapping[str, bytes], key: KeyFile = KEY) -> Files:
    return {**files, ENVELOPE: envelope(files[MANIFEST], key)}


@lru_cache(maxsize=1)
def _made() -> Files:
    return signed(bundle_files(parts(), CONTENT))


def made() -> Files:
    """A fresh copy of the bundle."""
    return dict(_made())


def verify(files: Mapping[str, bytes], wanted: Wanted = WANTED, **more: Any) -> Verified:
    return verify_bundle(Case(files, wanted, CONTENT, CLOCK, **more))


def manifest_of(files: Mapping[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files[MANIFEST])
    return found


def listed(files: Files, change: Callable[[dict[str, Any]], object] = lambda _: None) -> Files:
    """The manifest (and list of checksums) made to fit the files again, then `change`d and signed by the vendor."""
    manifest = manifest_of(files)
    roles = {one["path"]: one["role"] for one in manifest["files"]}
    entries = [
        entry(path, files[path], roles.get(path) or _role(path))
        for path in sorted(files)
        if path not in (MANIFEST, ENVELOPE, CHECKSUMS)
    ]
    sums = checksums(entries)
    entries = sorted([*entries, entry(CHECKSUMS, sums, "checksums")], key=_path)
    manifest["files"] = [one.to_json() for one in entries]
    change(manifest)
    return signed({**files, CHECKSUMS: sums, MANIFEST: canonical(manifest)})


def _role(path: str) -> str:
    """The role of a file by where it lies."""
    return next((role for role, folder in FOLDERS.items() if path.startswith(folder)), "content")


def _path(one: Entry) -> str:
    return one.path
