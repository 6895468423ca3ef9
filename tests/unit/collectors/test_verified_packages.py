"""Files against their packages: rpm's own database and verdict as the measure, dpkg's lists, limits."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from scanner.model.fact import Fact
from tests.support import Content, build, fact_of

SPEC = """Name: sample
Version: 1
Release: 1
Summary: a package of a test
License: Apache-2.0
BuildArch: noarch
%description
Made by a test.
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc %{buildroot}/usr/share/doc/sample %{buildroot}/var/log
echo program > %{buildroot}/usr/bin/sample
echo other > %{buildroot}/usr/bin/other
ln -s sample %{buildroot}/usr/bin/link
echo setting > %{buildroot}/etc/sample.conf
echo words > %{buildroot}/usr/share/doc/sample/words
touch %{buildroot}/var/log/sample.log
head -c 9000000 /dev/zero > %{buildroot}/usr/bin/large
%files
%attr(0755,root,root) /usr/bin/sample
%attr(4755,root,root) /usr/bin/other
%attr(0755,root,root) /usr/bin/large
/usr/bin/link
%config(noreplace) %attr(0640,root,root) /etc/sample.conf
%doc %attr(0644,root,root) /usr/share/doc/sample/words
%ghost %attr(0600,root,root) /var/log/sample.log
%verify(not mode) %attr(0700,root,root) %dir /usr/share/doc/sample
"""


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built package."""
    for tool in ("rpmbuild", "rpm2cpio", "cpio"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: make test installs it (Debian packages rpm, rpm2cpio, cpio)")
    folder = tmp_path_factory.mktemp("rpm")
    (folder / "sample.spec").write_text(SPEC)
    said = run("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {folder}/top", str(folder / "sample.spec"))
    found = list((folder / "top/RPMS").rglob("*.rpm"))
    assert found, said
    return found[0]


@pytest.fixture
def root(package: Path, tmp_path: Path) -> Path:
    """A tree into which the package was unpacked, with rpm's database of it."""
    tree = tmp_path / "root"
    build(tree, {"/etc/passwd": "root:x:0:0::/root:/bin/sh\nbob:x:1000:1000::/:/bin/sh\n", "/etc/group": "root:x:0:\n"})
    database = tree / "usr/lib/sysimage/rpm"
    database.mkdir(parents=True)
    run("rpm", "--dbpath", str(database), "-i", "--justdb", "--nodeps", "--ignorearch", str(package))
    subprocess.run(f"rpm2cpio '{package}' | cpio -idm --quiet", shell=True, cwd=tree, check=True)
    (tree / "var/log").mkdir(parents=True, exist_ok=True)
    return tree


def modified(root: Path, aspect: str) -> list[tuple[str, str | None, str | None]]:
    fact = fact_of(root, f"packages.modified:{aspect}")
    assert fact.state == "present" and fact.complete, fact
    return [(row["path"], row["expected"], row["found"]) for row in fact.value]


def test_nothing_is_modified(root: Path) -> None:
    assert modified(root, "contents") == []
    assert modified(root, "mode") == []
    if os.geteuid() == 0:
        assert modified(root, "owner") == []


def test_contents(root: Path) -> None:
    (root / "usr/bin/sample").write_text("PROGRAM\n")
    (root / "etc/sample.conf").write_text("changed\n")
    (root / "usr/share/doc/sample/words").unlink()
    with (root / "usr/bin/large").open("r+b") as file:
        file.seek(8_999_999)
        file.write(b"x")
    assert [path for path, _, _ in modified(root, "contents")] == ["/usr/bin/large", "/usr/bin/sample"]


def test_a_file_that_became_a_link(root: Path) -> None:
    (root / "usr/bin/sample").unlink()
    (root / "usr/bin/sample").symlink_to("other")
    # As for rpm, contents and mode of a link are not compared; that it is one is neither.
    assert modified(root, "contents") == []


def test_modes(root: Path) -> None:
    (root / "usr/bin/sample").chmod(0o4755)
    (root / "etc/sample.conf").chmod(0o644)
    (root / "var/log/sample.log").write_text("x")
    (root / "var/log/sample.log").chmod(0o666)
    (root / "usr/share/doc/sample").chmod(0o777)
    assert modified(root, "mode") == [
        ("/etc/sample.conf", "0640", "0644"),
        ("/usr/bin/sample", "0755", "4755"),
        ("/var/log/sample.log", "0600", "0666"),
    ]


def test_a_folder_in_the_place_of_a_file(root: Path) -> None:
    (root / "usr/bin/sample").unlink()
    (root / "usr/bin/sample").mkdir(mode=0o755)
    assert modified(root, "mode") == [("/usr/bin/sample", "0755", "0755")]


def test_owners(root: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(root / "usr/bin/sample", 1000, 0)
    os.chown(root / "usr/bin/link", 0, 77, follow_symlinks=False)
    assert modified(root, "owner") == [
        ("/usr/bin/link", "root:root", "root:77"),
        ("/usr/bin/sample", "root:root", "bob:root"),
    ]


def verdict(root: Path, wanted: Callable[[str], bool]) -> list[str]:
    """Paths of which rpm itself says so."""
    said = run("rpm", "--root", str(root), "--dbpath", "/usr/lib/sysimage/rpm", "-Va", "--nodeps", "--noscripts")
    return sorted(line.split()[-1] for line in said.splitlines() if line[:1] in ".S" and wanted(line))


def test_rpm_says_the_same(root: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("rpm --root needs root")
    (root / "usr/bin/sample").write_text("PROGRAM\n")
    (root / "usr/bin/other").chmod(0o755)
    (root / "etc/sample.conf").chmod(0o600)
    (root / "var/log/sample.log").write_text("x")
    (root / "var/log/sample.log").chmod(0o644)
    os.chown(root / "usr/share/doc/sample/words", 1000, 1000)
    os.chown(root / "usr/bin/link", 1000, 0, follow_symlinks=False)
    paths = {aspect: [path for path, _, _ in modified(root, aspect)] for aspect in ("contents", "mode", "owner")}
    assert paths["contents"] == verdict(root, lambda line: line[2] == "5" and " c " not in line)
    assert paths["mode"] == verdict(root, lambda line: line[1] == "M")
    assert paths["owner"] == verdict(root, lambda line: line[5] == "U" or line[6] == "G")


def test_a_broken_database(tmp_path: Path) -> None:
    build(tmp_path, {"/usr/lib/sysimage/rpm/rpmdb.sqlite": b"SQLite format 3\0" + b"\0" * 600})
    assert fact_of(tmp_path, "packages.modified:mode").state == "error"


# ---- dpkg


def dpkg(root: Path, **files: Content) -> Fact:
    def line(text: str, path: str) -> str:
        return f"{hashlib.md5(text.encode()).hexdigest()}  {path}\n"

    sums = line("one\n", "usr/bin/one") + line("two\n", "bin/two") + line("c\n", "etc/c") + line("x\n", "usr/bin/gone")
    tree: dict[str, Content] = {
        "/var/lib/dpkg/status": "Package: a\nStatus: install ok installed\n",
        "/var/lib/dpkg/info/a:amd64.md5sums": sums,
        "/bin": ("link", "usr/bin"),
        "/usr/bin/one": "one\n",
        "/usr/bin/two": "two\n",
        "/etc/c": "changed\n",
    }
    return fact_of(build(root, {**tree, **files}), "packages.modified:contents")


def test_dpkg(tmp_path: Path) -> None:
    assert dpkg(tmp_path / "a").value == []
    fact = dpkg(tmp_path / "b", **{"/usr/bin/two": "TWO\n"})
    assert [(row["path"], row["package"]) for row in fact.value] == [("/bin/two", "a")]


def test_diverted_files_of_dpkg(tmp_path: Path) -> None:
    fact = dpkg(
        tmp_path,
        **{
            "/var/lib/dpkg/diversions": "/usr/bin/one\n/usr/bin/one.real\nb\n",
            "/usr/bin/one": "of b\n",
            "/usr/bin/one.real": "one\n",
        },
    )
    assert fact.value == []


def test_what_dpkg_does_not_know(tmp_path: Path) -> None:
    dpkg(tmp_path)
    assert fact_of(tmp_path, "packages.modified:mode").state == "not_collected"
    assert fact_of(tmp_path, "packages.modified:colour").state == "error"


def test_bad_lists_and_no_database(tmp_path: Path) -> None:
    fact = dpkg(tmp_path / "a", **{"/var/lib/dpkg/info/b.md5sums": "nothing\n"})
    assert fact.gaps and fact.gaps[0].startswith("malformed")
    assert fact_of(build(tmp_path / "b", {"/etc": None}), "packages.modified:contents").state == "not_collected"


def test_it_is_made_on_demand_only(tmp_path: Path) -> None:
    from scanner.collectors.registry import specs

    assert specs()["packages.modified"].argument is not None
