"""The wheel in an empty environment, and the portable collector with nothing installed."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from scanner.cli.pyz import build
from tests.support import build as build_tree

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return next(out.glob("*.whl"))


def test_the_wheel_carries_the_content(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for folder in ("rules", "controls", "reports"):
        shipped = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()}
        packed = {
            name.removeprefix("scanner/content/") for name in names if name.startswith(f"scanner/content/{folder}/")
        }
        assert packed == shipped
    assert not [name for name in names if name.startswith(("tests/", "fixtures/"))]


def test_the_installed_wheel_has_the_same_rules(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--no-deps", "--require-hashes", "-r", str(ROOT / "requirements.lock")], check=True, timeout=600
    )
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True, timeout=300)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    installed = subprocess.run(
        [tmp_path / "venv/bin/assay", "rules", "list"], capture_output=True, check=True, env=environment, cwd=tmp_path
    )
    here = subprocess.run(
        [sys.executable, "-m", "scanner.cli.main", "rules", "list"], capture_output=True, check=True, cwd=ROOT
    )
    assert installed.stdout == here.stdout
    assert installed.stdout.count(b"\n") > 80
    scanned = subprocess.run(
        [tmp_path / "venv/bin/assay", "scan", str(build_tree(tmp_path / "t", {"etc/passwd": "root:x:0:0::/root:/bin/sh\n"})), "-q", "-o", "html=r.html"],
        capture_output=True,
        env=environment,
        cwd=tmp_path,
    )  # fmt: skip
    assert scanned.returncode in (0, 3), scanned.stderr.decode()
    assert (tmp_path / "r.html").stat().st_size > 1000


def test_the_portable_collector_needs_nothing(tmp_path: Path) -> None:
    archive = tmp_path / "assay-collect.pyz"
    archive.write_bytes(build())
    tree = build_tree(tmp_path / "tree", {"etc/passwd": "root:x:0:0::/root:/bin/sh\n", "etc/os-release": "ID=x\n"})
    out = tmp_path / "s.json"
    command = [sys.executable, "-I", "-S", str(archive), "-o", str(out), str(tree)]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr.decode()
    portable = json.loads(out.read_bytes())
    command = [sys.executable, "-m", "scanner.cli.main", "collect", str(tree), "--quiet"]
    whole = json.loads(subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout)
    assert portable["facts_digest"] == whole["facts_digest"]


def test_the_portable_collector_on_this_machine(tmp_path: Path) -> None:
    archive = tmp_path / "assay-collect.pyz"
    archive.write_bytes(build())
    out = tmp_path / "s.json"
    done = subprocess.run([sys.executable, "-I", "-S", str(archive), "-o", str(out)], capture_output=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    snapshot = json.loads(out.read_bytes())
    assert snapshot["target"]["kind"] == "live"
    assert snapshot["target"]["identity"]["arch"] == os.uname().machine
    assert [name for name, fact in snapshot["facts"].items() if (fact["reason"] or "").startswith("internal")] == []


def test_bad_arguments_of_the_portable_collector(tmp_path: Path) -> None:
    archive = tmp_path / "assay-collect.pyz"
    archive.write_bytes(build())
    for arguments, code in ((["--nonsense"], 2), (["/does/not/exist"], 2), (["--help"], 0), (["--version"], 0)):
        done = subprocess.run([sys.executable, "-I", "-S", str(archive), *arguments], capture_output=True)
        assert done.returncode == code
        assert b"Traceback" not in done.stderr


def test_the_portable_collector_is_the_same_bytes_twice() -> None:
    assert build() == build()


def test_a_live_scan_as_an_ordinary_user_finishes(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("this test starts as root and drops to an ordinary user")
    archive = tmp_path / "assay-collect.pyz"
    archive.write_bytes(build())
    shared = Path("/var/tmp") / f"assay-user-{os.getpid()}"
    shared.mkdir()
    try:
        (shared / "c.pyz").write_bytes(archive.read_bytes())
        shared.chmod(0o777)
        done = subprocess.run(
            ["/usr/bin/env", "python3", "-I", "-S", str(shared / "c.pyz"), "-o", str(shared / "s.json")],
            capture_output=True,
            preexec_fn=lambda: (os.setgid(65534), os.setgroups([]), os.setuid(65534)),  # type: ignore[func-returns-value]
            cwd="/",
        )
        if b"Permission denied" in done.stderr and b"c.pyz" not in done.stderr:
            pytest.skip("the interpreter here is closed to ordinary users")
        assert done.returncode == 0, done.stderr.decode()
        facts = json.loads((shared / "s.json").read_bytes())["facts"]
    finally:
        for path in shared.iterdir():
            path.unlink()
        shared.rmdir()
    denied = [
        name for name, fact in facts.items() if fact["state"] == "error" and fact["reason"].startswith("permission")
    ]
    denied += [
        name for name, fact in facts.items() if any(gap.startswith("permission") for gap in fact.get("gaps", ()))
    ]
    assert denied
    internal = [name for name, fact in facts.items() if (fact["reason"] or "").startswith("internal")]
    assert internal == []


def test_memory_of_the_portable_collector(tmp_path: Path) -> None:
    archive = tmp_path / "assay-collect.pyz"
    archive.write_bytes(build())
    tree = build_tree(tmp_path / "tree", {f"usr/share/p{number}/f": "x" for number in range(3000)})
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['assay-collect', '-o', {str(tmp_path / 's.json')!r}, {str(tree)!r}]\n"
        f"try:\n    runpy.run_path({str(archive)!r}, run_name='__main__')\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert int(done.stdout) < 60 * 1024, "KiB"
