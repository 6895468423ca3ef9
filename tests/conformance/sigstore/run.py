"""Run the sigstore conformance bundles and say where we do not end as they are meant to.

`python -m tests.conformance.sigstore.run ASSETS` with ASSETS = `test/assets/bundle-verify` of a checkout of
sigstore/sigstore-conformance. Every folder holds a bundle; one whose name ends in `_fail` must be refused. Ends 1 when
one ends otherwise. Nothing is fetched: the trusted root is that of the case, or the one built in.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scanner.model.errors import AssayError
from scanner.supply_chain.signing.artifact import artifact_of
from scanner.supply_chain.signing.deciding import decide
from scanner.supply_chain.signing.identities import Identity
from scanner.supply_chain.signing.keys import load_public_key
from scanner.supply_chain.signing.trust_root import read_trust_root
from scanner.supply_chain.signing.verifying import look_at_file
from scanner.supply_chain.signing.wanted import Wanted

# What a case means that names no identity, by the README of the assets.
_IDENTITY = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/"
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
_ISSUER = "https://token.actions.githubusercontent.com"


def outcome(case: Path) -> tuple[bool, str]:
    """Whether the bundle of a case verifies, and the reason given."""
    try:
        key, root = case / "key.pub", case / "trusted_root.json"
        wanted = Wanted(
            keys=(load_public_key(key.read_bytes(), "key.pub"),) if key.exists() else (),
            identities=() if key.exists() else (_identity(case),),
            root=read_trust_root(root.read_bytes()) if root.exists() else None,
        )
        looked = look_at_file(
            artifact_of(_first(case / "artifact", case.parent / "a.txt").read_bytes()),
            case.name,
            wanted,
            bundles=[("bundle", (case / "bundle.sigstore.json").read_bytes())],
        )
        found = decide(looked, wanted)
    except AssayError as error:
        return False, error.message
    return found.ok, found.reason


def main(arguments: list[str]) -> int:
    """Run all cases; the exit code."""
    parser = argparse.ArgumentParser(prog="sigstore conformance")
    parser.add_argument("assets", type=Path)
    parser.add_argument("-v", action="store_true", dest="verbose", help="show every case with the reason")
    options = parser.parse_args(arguments)
    cases = sorted(path for path in options.assets.iterdir() if (path / "bundle.sigstore.json").is_file())
    wrong = 0
    for case in cases:
        ok, reason = outcome(case)
        agrees = ok != case.name.endswith("_fail")
        wrong += not agrees
        if options.verbose or not agrees:
            print(f"{'  ' if agrees else '! '}{'verified' if ok else 'refused':<9} {case.name}: {reason}")
    print(f"{len(cases)} cases, {len(cases) - wrong} end as they are meant to")
    return 1 if wrong or not cases else 0


def _identity(case: Path) -> Identity:
    identity, issuer = case / "identity", case / "issuer"
    return Identity(
        identity.read_text().strip() if identity.exists() else _IDENTITY,
        issuer.read_text().strip() if issuer.exists() else _ISSUER,
    )


def _first(*paths: Path) -> Path:
    return next((path for path in paths if path.exists()), paths[-1])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
