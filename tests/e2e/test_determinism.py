"""Two runs give the same facts_digest; with a fixed clock the same bytes of every file, whatever the environment."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support import build

ROOT = Path(__file__).parents[2]
FORMATS = ("json", "html", "table", "pdf")

ENVIRONMENTS = [
    {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "2", "TZ": "America/St_Johns", "LC_ALL": "C.UTF-8", "LANG": "de_DE.UTF-8"},
    {"PYTHONHASHSEED": "random", "PYTHONUTF8": "0", "LC_ALL": "POSIX"},
]
FILES = {
    "etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nü:x:1000:1000:Müller:/home/ü:/bin/sh\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    "etc/group": "root:x:0:\n",
    "etc/ssh/sshd_config": "PermitRootLogin yes\nMatch User bob\n  X11Forwarding yes\n",
    "etc/sysctl.d/90-größe.conf": "kernel.kptr_restrict = 1\n",
    "etc/sudoers": "root ALL=(ALL:ALL) ALL\n",
    "usr/lib/systemd/system/a.service": "[Service]\nExecStart=/bin/true\n",
}


def _run(folder: Path, tree: Path, extra: dict[str, str], umask: int) -> dict[str, bytes]:
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache"), **extra}
    outputs = [word for name in FORMATS for word in ("-o", f"{name}={folder}/out.{name}")]
    command = [sys.executable, "-m", "scanner.cli.main", "scan", str(tree), "-q", "--clock", "2026-01-31T00:00:00Z"]
    done = subprocess.run(
        [*command, *outputs, "-o", f"snapshot={folder}/snapshot"],
        capture_output=True,
        env=environment,
        cwd=folder,
        preexec_fn=lambda: os.umask(umask) and None,
    )
    assert done.returncode in (0, 3), done.stderr.decode()
    found = {name: (folder / f"out.{name}").read_bytes() for name in FORMATS}
    snapshot = json.loads((folder / "snapshot").read_bytes())
    found["facts_digest"] = snapshot["facts_digest"].encode()
    snapshot.pop("run")
    found["snapshot less run"] = json.dumps(snapshot, sort_keys=True).encode()
    return found


def test_same_bytes_in_every_environment(tmp_path: Path) -> None:
    runs = []
    for number, extra in enumerate(ENVIRONMENTS):
        tree = build(tmp_path / f"tree {number} ü", FILES)
        for path in tree.rglob("*"):
            os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number), follow_symlinks=False)
        runs.append(_run(tmp_path / f"run{number}", tree, extra, (0o022, 0o077, 0o002)[number]))
    for name in runs[0]:
        assert len({run[name] for run in runs}) == 1, name


def test_two_live_runs_agree(tmp_path: Path) -> None:
    """Other tests change this machine meanwhile (loop devices, files): every fact must agree in one pair of runs."""
    disagree: set[str] | None = None
    before: dict[str, object] = {}
    for number in range(9):
        path = tmp_path / f"{number}.json"
        command = [sys.executable, "-m", "scanner.cli.main", "collect", "-q", "-o", str(path)]
        subprocess.run(command, check=True, cwd=ROOT)
        facts = json.loads(path.read_bytes())["facts"]
        if before:
            differing = {name for name in facts if facts[name] != before.get(name)}
            disagree = differing if disagree is None else disagree & differing
            if not disagree:
                return
        before = facts
    assert disagree == set()
