"""Settings of systemd's own programs."""

from pathlib import Path

from tests.support import build, fact_of


def test_drop_ins_win_over_the_main_file(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/systemd/system.conf": "[Manager]\nCtrlAltDelBurstAction=none\n#LogLevel=debug\n",
            "/usr/lib/systemd/system.conf": "[Manager]\nLogLevel=err\n",
            "/usr/lib/systemd/system.conf.d/99-x.conf": "[Manager]\nCtrlAltDelBurstAction=reboot-force\n",
            "/etc/systemd/coredump.conf.d/a.conf": "[Coredump]\nStorage=none\n",
        },
    )
    assert [(r["program"], r["key"], r["value"], r["source"]) for r in fact_of(root, "systemd.settings").value] == [
        ("coredump", "Storage", "none", "/etc/systemd/coredump.conf.d/a.conf"),
        ("system", "CtrlAltDelBurstAction", "reboot-force", "/usr/lib/systemd/system.conf.d/99-x.conf"),
    ]


def test_malformed_and_absent(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/systemd/system.conf": "[Manager\nx=y\n"})
    assert fact_of(root, "systemd.settings").gaps
    assert fact_of(build(tmp_path / "b", {"/etc/x": ""}), "systemd.settings").state == "absent"


def test_a_key_that_is_set_twice(tmp_path: Path) -> None:
    """The last line counts, and it is told how often the value changed on the way."""
    main, folder = "/etc/systemd/coredump.conf", "/etc/systemd/coredump.conf.d"
    text = "[Coredump]\nStorage={}\n".format
    root = build(
        tmp_path, {main: text("none"), f"{folder}/a.conf": text("external"), f"{folder}/b.conf": text("none") * 2}
    )
    (record,) = fact_of(root, "systemd.settings").value
    assert (record["value"], record["changes"]) == ("none", 2)
