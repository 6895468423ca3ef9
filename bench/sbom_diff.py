"""CPU seconds and peak memory of an SBOM comparison, by size; and of `sbomdiff` on the same files.

    python bench/sbom_diff.py [--sizes 50000 500000] [--sbomdiff PATH] [OLD NEW]

With OLD and NEW those files are compared. Without, pairs are made: 5 % of the components of the old one are changed
in some way, and each has three relations. "compare" is the comparison alone, of documents that are loaded.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))


def document(size: int, seed: int, *, edited: bool) -> dict[str, object]:
    """A CycloneDX 1.6 document. `edited`: a twentieth of its components differ from those of the same seed."""
    dice = random.Random(seed)
    kinds = ("npm", "pypi", "deb", "maven", "golang")
    components, dependencies = [], []
    for number in range(size):
        kind = kinds[number % 5]
        version = f"{dice.randrange(9)}.{dice.randrange(30)}.{dice.randrange(90)}"
        name, licence = f"pkg-{number}", ("MIT", "Apache-2.0", "GPL-2.0-only")[dice.randrange(3)]
        digest = f"{dice.getrandbits(256):064x}"
        targets = [f"ref-{dice.randrange(size)}" for _ in range(3)]
        if edited and number % 20 == 0:
            change = number // 20 % 4
            version = f"{version}1" if change == 0 else version
            licence = "AGPL-3.0-only" if change == 1 else licence
            name = f"new-{number}" if change == 2 else name
            targets = targets[1:] if change == 3 else targets
        space = {"deb": "debian/", "maven": "org.example/", "golang": "example.org/"}.get(kind, "")
        components.append(
            {
                "bom-ref": f"ref-{number}",
                "type": "library",
                "name": name,
                "version": version,
                "purl": f"pkg:{kind}/{space}{name}@{version}",
                "licenses": [{"license": {"id": licence}}],
                "supplier": {"name": "Example"},
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
        )
        dependencies.append({"ref": f"ref-{number}", "dependsOn": sorted(set(targets))})
    dependencies.append({"ref": "root", "dependsOn": [f"ref-{number}" for number in range(min(size, 100))]})
    subject = {"bom-ref": "root", "type": "application", "name": "product", "version": "2" if edited else "1"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": subject},
        "components": components,
        "dependencies": dependencies,
    }


def own(old: str, new: str) -> None:
    """Load and compare in this process, and print what it cost."""
    from scanner.supply_chain.comparing.compare import compare
    from scanner.supply_chain.comparing.materiality import shipped_policy
    from scanner.supply_chain.loading.opening import open_bom

    gc.set_threshold(200_000, 50, 50)  # as the command has it
    start = time.process_time()
    boms = [open_bom(Path(name).read_bytes(), name) for name in (old, new)]
    loaded, memory = time.process_time(), _peak()
    shipped_policy()
    begun = time.process_time()
    diff = compare(*boms)
    compared = time.process_time()
    text = json.dumps(diff.to_json())
    print(
        f"load {loaded - start:.2f} s, {memory} MiB; compare {compared - begun:.2f} s, {_peak()} MiB at the peak; "
        f"JSON {time.process_time() - compared:.2f} s, {len(text) // 1024} KiB; {len(diff.changes)} changes"
    )


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def other(program: str, old: str, new: str) -> None:
    """Run `sbomdiff` on the same files."""
    process = subprocess.Popen([program, old, new], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    lines = process.stdout.read().count(b"\n")
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    seconds, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024
    print(f"sbomdiff {seconds:.2f} s, {memory} MiB; ended {code}; {lines} lines")


def pair(old: str, new: str, program: str) -> None:
    """Measure one pair, each program in a process of its own."""
    subprocess.run([sys.executable, __file__, "--own", old, new], check=True)
    if program:
        other(program, old, new)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("files", nargs="*", metavar="OLD NEW")
    parser.add_argument("--sizes", nargs="+", type=int, default=[5_000, 50_000])
    parser.add_argument("--sbomdiff", default="", metavar="PATH", help="the sbomdiff command, to compare with")
    parser.add_argument("--own", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.own:
        own(*given.files)
    elif given.files:
        pair(*given.files, given.sbomdiff)
    else:
        with tempfile.TemporaryDirectory() as folder:
            for size in given.sizes:
                print(f"{size} components, {3 * size} relations")
                names = [str(Path(folder, name)) for name in ("old.json", "new.json")]
                for name, edited in zip(names, (False, True), strict=True):
                    Path(name).write_text(json.dumps(document(size, 7, edited=edited)), encoding="utf-8")
                pair(names[0], names[1], given.sbomdiff)


if __name__ == "__main__":
    main()
