"""Command lines: what the kernel got, what each boot entry gives it, what later entries are written from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scanner.model.fact import Fact
from tests.support import Content, build, fact_of

CONFIGURED = "kernel.cmdline.configured"
ENTRY = "title Alma\nversion 6.12\nlinux /vmlinuz-6.12\noptions root=x ro lockdown=confidentiality\n"


def configured(root: Path, files: dict[str, Content]) -> Fact:
    return fact_of(build(root, files), CONFIGURED)


def column(fact: Fact, key: str) -> list[Any]:
    assert isinstance(fact.value, list)
    return [record["effective"][key] if key in record["effective"] else record[key] for record in fact.value]


def grubenv(text: str) -> str:
    return ("# GRUB Environment Block\n" + text).ljust(1024, "#")


def test_the_running_line(tmp_path: Path) -> None:
    build(tmp_path, {"/proc/cmdline": 'BOOT_IMAGE=/v root=x a="b c" vsyscall=none -- lockdown=integrity\n'})
    fact = fact_of(tmp_path, "kernel.cmdline.running", runtime=True)
    assert fact.facet == "runtime"
    assert isinstance(fact.value, dict)
    assert fact.value["parameters"][2:4] == [{"name": "a", "value": "b c"}, {"name": "vsyscall", "value": "none"}]
    assert fact.value["init_arguments"] == ["lockdown=integrity"]
    assert fact.value["effective"]["vsyscall"] == "none"
    assert fact.value["effective"]["lockdown"] is None


def test_the_running_line_of_something_that_does_not_run(tmp_path: Path) -> None:
    build(tmp_path, {"/proc/cmdline": "a", "/proc/x": "", "/sys/x": ""})
    assert fact_of(tmp_path, "kernel.cmdline.running").state == "not_collected"
    (tmp_path / "proc/cmdline").unlink()
    assert fact_of(tmp_path, "kernel.cmdline.running", runtime=True).state == "absent"


def test_loader_entries(tmp_path: Path) -> None:
    fact = configured(tmp_path, {"/boot/loader/entries/b-6.9.conf": ENTRY, "/boot/loader/entries/b-6.12.conf": ENTRY})
    assert column(fact, "entry") == ["b-6.12", "b-6.9"]
    assert column(fact, "default") == [True, False]
    assert column(fact, "lockdown") == ["confidentiality"] * 2
    assert column(fact, "line") == [4, 4]
    assert not fact.gaps
    assert [one.source for one in fact.evidence][-1].startswith("/boot/loader/entries/b-6.")


def test_without_an_entry_nobody_can_say_what_boots(tmp_path: Path) -> None:
    fact = configured(tmp_path, {"/etc/default/grub": 'GRUB_CMDLINE_LINUX="lockdown=confidentiality"\n', "/boot": None})
    assert fact.state == "not_collected"
    assert "/boot is empty" in (fact.reason or "")


def test_an_empty_entries_folder_is_absent(tmp_path: Path) -> None:
    assert configured(tmp_path, {"/boot/loader/entries": None}).state == "absent"


def test_a_broken_entry_is_a_gap(tmp_path: Path) -> None:
    files: dict[str, Content] = {"/boot/loader/entries/a.conf": ENTRY, "/boot/loader/entries/b.conf": b"linux /v\0"}
    fact = configured(tmp_path, files)
    assert column(fact, "entry") == ["a"]
    assert fact.gaps and "malformed" in fact.gaps[0]


def test_only_a_broken_entry_is_an_error(tmp_path: Path) -> None:
    assert configured(tmp_path, {"/boot/loader/entries/b.conf": b"linux /v\0"}).state == "error"


def test_entries_that_a_loader_does_not_read(tmp_path: Path) -> None:
    names = ("a.conf~", ".a.conf", "a.conf.rpmsave")
    assert configured(tmp_path, {f"/boot/loader/entries/{name}": ENTRY for name in names}).state == "absent"


def test_the_same_folder_under_two_names_counts_once(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/boot/loader.1/entries/ostree-2.conf": ENTRY,
        "/boot/loader": ("link", "loader.1"),
        "/efi": ("link", "boot"),
    }
    assert column(configured(tmp_path, files), "entry") == ["ostree-2"]


def test_kernelopts_come_from_the_environment_block(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/boot/loader/entries/a.conf": "linux /v\noptions $kernelopts ${tuned_params} quiet\n",
        "/boot/grub2/grub.cfg": 'if [ -z "${kernelopts}" ]; then\n set kernelopts="vsyscall=xonly "\nfi\nblscfg\n',
        "/boot/grub2/grubenv": grubenv("saved_entry=a\nkernelopts=root=x vsyscall=none\n"),
    }
    fact = configured(tmp_path, files)
    assert column(fact, "vsyscall") == ["none"]
    (tmp_path / "boot/grub2/grubenv").write_text(grubenv(""))
    assert column(fact_of(tmp_path, CONFIGURED), "vsyscall") == ["xonly"]


def test_kernelopts_of_a_broken_environment_block_are_a_gap(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/boot/loader/entries/a.conf": "linux /v\noptions $kernelopts\n",
        "/boot/grub2/grub.cfg": "blscfg\n",
        "/boot/grub2/grubenv": "kernelopts=vsyscall=none\n",
    }
    fact = configured(tmp_path, files)
    assert column(fact, "vsyscall") == [None]
    assert fact.gaps


def test_a_variable_that_may_be_empty_gives_both_lines(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/boot/loader/entries/a.conf": "linux /v\noptions ro $hard\n",
        "/boot/grub2/grub.cfg": "if [ -f /x ]; then\nset hard=vsyscall=none\nfi\nblscfg\n",
    }
    assert sorted(map(str, column(configured(tmp_path, files), "vsyscall"))) == ["None", "none"]


def test_grub_reads_options_as_a_script(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/boot/grub2/grub.cfg": "blscfg\n",
        "/boot/loader/entries/a.conf": "linux /v\noptions ro # vsyscall=none\n",
        "/boot/loader/entries/b.conf": "linux /v\noptions ro 'x vsyscall=none'\n",
        "/boot/loader/entries/c.conf": "linux /v\noptions ro; vsyscall=none\n",
    }
    assert column(configured(tmp_path, files), "vsyscall") == [None, None, None]


def test_grub_may_read_the_first_options_line_only(tmp_path: Path) -> None:
    files: dict[str, Content] = {"/boot/loader/entries/a.conf": "linux /v\noptions ro\noptions vsyscall=none\n"}
    assert column(configured(tmp_path, files), "vsyscall") == ["none"]
    build(tmp_path, {"/boot/grub2/grub.cfg": "blscfg\n"})
    assert column(fact_of(tmp_path, CONFIGURED), "vsyscall") == ["none", None]


def test_other_loaders_take_dollars_and_hashes_as_they_are(tmp_path: Path) -> None:
    fact = configured(tmp_path, {"/efi/loader/entries/a.conf": "linux /v\noptions $kernelopts # vsyscall=none\n"})
    assert column(fact, "vsyscall") == ["none"]


def test_default_kernelopts_stand_in_for_missing_options(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/boot/loader/entries/a.conf": "linux /v\n",
        "/boot/grub2/grub.cfg": 'set default_kernelopts="vsyscall=none"\nblscfg\n',
    }
    assert column(configured(tmp_path, files), "vsyscall") == ["none"]


@pytest.mark.parametrize(
    ("saved", "wanted"),
    [("saved_entry=a-1\n", [False, True]), ("saved_entry=0\n", [True, False]), ("next_entry=a-1\n", [None, None])],
)
def test_the_default_entry_of_grub(tmp_path: Path, saved: str, wanted: list[bool | None]) -> None:
    files: dict[str, Content] = {f"/boot/loader/entries/a-{number}.conf": ENTRY for number in (1, 2)}
    fact = configured(tmp_path, {**files, "/boot/grub2/grubenv": grubenv(saved)})
    assert (column(fact, "entry"), column(fact, "default")) == (["a-2", "a-1"], wanted)


def test_the_default_entry_of_systemd_boot(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/efi/loader/entries/a+0-3.conf": ENTRY.replace("6.12", "6.99"),
        "/efi/loader/entries/b+2-1.conf": ENTRY,
        "/efi/loader/entries/c.conf": ENTRY.replace("6.12", "6.3"),
    }
    fact = configured(tmp_path, files)
    assert column(fact, "entry") == ["b", "c", "a"]
    assert column(fact, "tries_left") == [2, None, 0]
    assert column(fact, "default") == [True, False, False]
    build(tmp_path, {"/efi/loader/loader.conf": "timeout 3\ndefault c*\n"})
    assert column(fact_of(tmp_path, CONFIGURED), "default") == [False, True, False]


def test_debian_grub(tmp_path: Path) -> None:
    text = (
        "menuentry 'Debian GNU/Linux' {\n\tlinux /vmlinuz root=x ro quiet vsyscall=none\n}\n"
        "submenu 'Advanced' {\n\tmenuentry 'Debian (recovery mode)' {\n\t\tlinux /vmlinuz root=x single\n\t}\n}\n"
    )
    fact = configured(tmp_path, {"/boot/grub/grub.cfg": text})
    assert column(fact, "kind") == ["grub.cfg", "grub.cfg"]
    assert column(fact, "rescue") == [False, True]
    assert column(fact, "default") == [True, False]
    assert column(fact, "vsyscall") == ["none", None]
    assert column(fact, "shells") == [[], ["single"]]
    assert column(fact, "line") == [2, 6]


def test_static_entries_beside_loader_entries_count_too(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/boot/loader/entries/a.conf": ENTRY,
        "/boot/grub2/grub.cfg": "blscfg\n",
        "/boot/grub2/custom.cfg": "menuentry old { linux /old ro; }\n",
    }
    assert column(configured(tmp_path, files), "lockdown") == ["confidentiality", None]


def test_a_bootc_image_that_is_not_installed(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/usr/lib/bootc/kargs.d/10-a.toml": 'kargs = ["lockdown=integrity"]\n',
        "/usr/lib/bootc/kargs.d/20-b.toml": 'kargs = ["lockdown=confidentiality", "vsyscall=none"]\n',
        "/usr/lib/bootc/install/00-x.toml": '[install]\nkargs = ["audit=1"]\n',
        "/boot": None,
    }
    fact = configured(tmp_path, files)
    assert column(fact, "kind") == ["kargs.d"]
    assert column(fact, "lockdown") == ["confidentiality"]
    assert column(fact, "audit") == [True]


def test_kargs_do_not_stand_in_for_an_installed_system(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/usr/lib/bootc/kargs.d/10-a.toml": 'kargs = ["vsyscall=none"]\n',
        "/boot/loader/entries/a.conf": ENTRY,
    }
    fact = configured(tmp_path, files)
    assert column(fact, "vsyscall") == [None]


def test_kargs_for_another_processor(tmp_path: Path) -> None:
    elf = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x3e\x00" + bytes(40)
    files: dict[str, Content] = {
        "/usr/lib/bootc/kargs.d/a.toml": 'kargs = ["vsyscall=none"]\nmatch-architectures = ["aarch64"]\n',
        "/usr/lib/bootc/kargs.d/b.toml": 'kargs = ["audit=1"]\nmatch-architectures = ["x86_64"]\n',
    }
    fact = configured(tmp_path, {**files, "/usr/bin/bash": elf})
    assert (column(fact, "vsyscall"), column(fact, "audit"), fact.gaps) == ([None], [True], ())
    (tmp_path / "usr/bin/bash").unlink()
    assert fact_of(tmp_path, CONFIGURED).gaps


@pytest.mark.parametrize(
    "files",
    [
        {"/boot/efi/EFI/Linux/a.efi": b"MZ"},
        {"/efi/loader/entries/u.conf": "title u\nuki /EFI/Linux/u.efi\n"},
        {"/boot/extlinux/extlinux.conf": "LABEL x\nAPPEND vsyscall=none\n"},
        {"/boot/loader/entries/long.conf": "linux /v\noptions " + "a" * 2050 + "\n"},
        {"/boot/loader/entries/boot.conf": "linux /v\noptions bootconfig vsyscall=none\n"},
    ],
)
def test_what_cannot_be_known_is_a_gap(tmp_path: Path, files: dict[str, Content]) -> None:
    fact = configured(tmp_path, {"/boot/loader/entries/a.conf": ENTRY, **files})
    assert fact.state == "present" and fact.gaps


def test_a_tree_with_a_unified_kernel_only_is_no_absence(tmp_path: Path) -> None:
    files: dict[str, Content] = {"/efi/EFI/Linux/a.efi": b"MZ", "/usr/lib/bootc/kargs.d/a.toml": 'kargs = ["a"]\n'}
    fact = configured(tmp_path, files)
    assert fact.state == "not_collected"
    assert "/efi/EFI/Linux/a.efi" in (fact.reason or "")


def test_templates(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/etc/kernel/cmdline": "# note vsyscall=xonly\nroot=x vsyscall=none\n",
        "/usr/lib/kernel/cmdline": "vsyscall=emulate\n",
        "/etc/default/grub": (
            'GRUB_CMDLINE_LINUX="audit=1"\nGRUB_CMDLINE_LINUX+=" pti=on"\n#GRUB_CMDLINE_LINUX="x"\n'
            "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX quiet\"\nGRUB_DISABLE_RECOVERY='true'\n"
        ),
        "/etc/default/grub.d/50-x.cfg": 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX slab_nomerge"\n',
    }
    build(tmp_path, files)
    fact = fact_of(tmp_path, "kernel.cmdline.templates")
    assert column(fact, "kind") == ["cmdline", "default-grub"]
    assert column(fact, "vsyscall") == ["none", None]
    assert column(fact, "pti") == [None, "on"]
    assert column(fact, "slab_nomerge") == [None, True]
    defaults = fact_of(tmp_path, "grub.defaults").value
    assert isinstance(defaults, list)
    assert {"key": "GRUB_DISABLE_RECOVERY", "value": "true", "source": "/etc/default/grub"} in defaults


def test_templates_absent_and_malformed(tmp_path: Path) -> None:
    assert fact_of(tmp_path, "kernel.cmdline.templates").state == "absent"
    assert fact_of(tmp_path, "grub.defaults").state == "absent"
    build(tmp_path, {"/etc/default/grub": 'GRUB_CMDLINE_LINUX="open\n'})
    assert fact_of(tmp_path, "grub.defaults").state == "error"
    assert fact_of(tmp_path, "kernel.cmdline.templates").state == "error"


def test_the_same_facts_twice(tmp_path: Path) -> None:
    build(tmp_path, {"/boot/loader/entries/b.conf": ENTRY, "/boot/loader/entries/a.conf": ENTRY})
    assert fact_of(tmp_path, CONFIGURED) == fact_of(tmp_path, CONFIGURED)
