"""tpm.pcrs and tpm.device."""

from __future__ import annotations

from pathlib import Path

from tests.support import build, fact_of, facts_of

ONES = "FF" * 32


def test_pcrs(tmp_path: Path) -> None:
    files = {
        "sys/class/tpm/tpm0/tpm_version_major": "2\n",
        "sys/class/tpm/tpm0/pcr-sha256/7": f"{ONES}\n",
        "sys/class/tpm/tpm0/pcr-sha256/11": "00" * 32 + "\n",
        "sys/class/tpm/tpm0/pcr-sha1/0": "AB" * 20 + "\n",
        "sys/class/tpm/tpmrm0/x": "",
    }
    facts = facts_of(build(tmp_path, files), ["tpm.pcrs", "tpm.device"], runtime=True)
    shown = [(item["bank"], item["pcr"], item["value"][:4], item["zero"]) for item in facts["tpm.pcrs"].value]
    assert shown == [("sha1", 0, "abab", False), ("sha256", 7, "ffff", False), ("sha256", 11, "0000", True)]
    assert facts["tpm.device"].value == {"device": "tpm0", "version": "2", "banks": ["sha1", "sha256"]}


def test_no_tpm(tmp_path: Path) -> None:
    for files in ({"sys/x": ""}, {"sys/class/tpm": None, "sys/x": ""}):
        root = build(tmp_path / str(len(files)), files)
        for name in ("tpm.pcrs", "tpm.device"):
            assert fact_of(root, name, runtime=True).state == "absent"


def test_kernel_that_shows_no_values(tmp_path: Path) -> None:
    root = build(tmp_path, {"sys/class/tpm/tpm0/tpm_version_major": "2\n"})
    assert fact_of(root, "tpm.pcrs", runtime=True).state == "not_collected"


def test_malformed(tmp_path: Path) -> None:
    fact = fact_of(build(tmp_path, {"sys/class/tpm/tpm0/pcr-sha256/7": "zz\n"}), "tpm.pcrs", runtime=True)
    assert (fact.state, (fact.reason or "").split(":")[0]) == ("error", "malformed")


def test_image(tmp_path: Path) -> None:
    root = build(tmp_path, {"sys/class/tpm/tpm0/pcr-sha256/7": f"{ONES}\n"})
    assert fact_of(root, "tpm.pcrs").state == "not_collected"
