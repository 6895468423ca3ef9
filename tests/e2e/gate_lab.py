"""Release N of the VelaOS device and N+1 of it: fifteen regressions of different kinds, twenty changes that harm nothing.

Each is one small change of the device. What lies in LUKS headers and in bills of materials is made by the real tools.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixtures.targets import velaos
from fixtures.targets.tree import Device, File, Files, Folder, Link, write
from fixtures.targets.velaos import binary, boot
from fixtures.targets.velaos.changes import Defect, apply
from tests.storage_lab import add_key, add_token, luks, software_tpm, tool
from tests.unit.target.layouts.disk_lab import Spec, disk, ext4, vfat

PROFILES = ("-p", "velaos", "-p", "stig", "-p", "linux-baseline")
CLOCK = ("--clock", "2026-06-01T00:00:00Z")
INITRAMFS = f"boot/ostree/vela-{boot.BOOT_CHECKSUM}/initramfs-{boot.KERNEL}.img"
_ENTRIES = ("boot/loader.1/entries/ostree-2.conf", "boot/loader.1/entries/ostree-1.conf")
_KARGS = "usr/lib/bootc/kargs.d/10-vela.toml"
_SYSTEMD = "usr/lib/systemd/system"
_AUDIT_RULES = ("etc/audit/rules.d/30-vela.rules", "etc/audit/audit.rules")


def initramfs(names: tuple[str, ...] = ("init", "etc/passwd", "usr/lib/modules.dep"), level: int = 9) -> bytes:
    """A compressed cpio archive made by cpio of small files, in this order."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{name}\n")
        listing = "\n".join(names) + "\n"
        made = subprocess.run(
            [tool("cpio"), "-o", "-H", "newc", "--quiet", "--owner=0:0"],
            input=listing.encode(),
            capture_output=True,
            cwd=folder,
            check=True,
        ).stdout
    return gzip.compress(made, level, mtime=level)


def release_n() -> Device:
    """The hardened device as an image holds it: with an initramfs that can be read, without a running half, and with its
    root where a boot entry leads and not in a deployment (whose folders are empty in the fixture)."""
    files = velaos.hardened().files
    kept = {
        name: node for name, node in files.items() if name.split("/")[0] not in ("sysroot", "ostree", "proc", "sys")
    }
    return Device({**kept, INITRAMFS: File(initramfs(), 0o600)})


# ---- fifteen regressions ---------------------------------------------------------------------------------------------

_BROAD = "allow perm=any all : dir=/tmp/\nallow perm=any all : dir=/var/tmp/\nallow perm=any all : dir=/dev/shm/\n"
REGRESSIONS: Mapping[str, tuple[str, Defect]] = {
    "sshd unmasked": (
        "velaos-ssh-server-masked",
        Defect(
            gone=("etc/systemd/system/sshd.service",),
            files={"etc/systemd/system/multi-user.target.wants/sshd.service": Link(f"/{_SYSTEMD}/sshd.service")},
        ),
    ),
    "permissive SELinux": (
        "selinux-enforcing",
        Defect(edits={"etc/selinux/config": ("SELINUX=enforcing", "SELINUX=permissive")}),
    ),
    "a hardening argument gone": (
        "kernel-init-on-alloc",
        Defect(
            edits={
                **dict.fromkeys(_ENTRIES, (" init_on_alloc=1", "")),
                _KARGS: ('"init_on_alloc=1", ', ""),
            }
        ),
    ),
    "firewalld target changed": (
        "velaos-firewall-drops-inbound",
        Defect(edits={"etc/firewalld/zones/vela.xml": ('target="DROP"', 'target="ACCEPT"')}),
    ),
    "an audit rule removed": ("audit-watch-sudoers", Defect()),
    "a unit file that everybody may write": ("no-world-writable-files", Defect()),
    "a setuid program added": (
        "suid-programs-approved",
        Defect(files={"usr/libexec/vela/print-helper": File(binary.elf(), 0o4755)}),
    ),
    "an unsigned module": (
        "kernel-modules-all-signed",
        Defect(files={f"{boot.MODULES}/extra/vendor_touch.ko": binary.module(signed=False)}),
    ),
    "a greenboot check disabled": ("velaos-health-check-lockdown", Defect()),
    "a fapolicyd rule behind a broad allow": (
        "velaos-exec-denied-in-tmp",
        Defect(rules={"12-updates.rules": _BROAD}),
    ),
}
"""In the tree: what -> (the rule that must name it, the change). Those without a change of that form are made below."""

ON_DISK: Mapping[str, str] = {
    "a weaker keyslot": "disk-passphrase-argon2id",
    "the PCR list shortened": "disk-unlock-pcr11",
}
"""In the LUKS header, which a tree has not."""

IN_PAPERS: Mapping[str, tuple[str, str]] = {
    "a copyleft package added": ("sbom_diff", "libgreen"),
    "a library downgraded": ("sbom_diff", "pam"),
    "an SBOM that no longer matches": ("sbom_truth", "podman"),
}
"""What -> (the requirement that must name it, the component)."""

PACKAGES = (("libgreen", "1.0.0", "1.el10"), ("pam", "1.5.1", "20.el10"))
STRAY = ("podman", "5.4.0", "3.el10")
"""In the image of N+1, and not in its SBOM, which still says 5.6.0."""


def regress(device: Device, what: str) -> Device:
    """The device with one regression of the tree."""
    device = apply(device, [REGRESSIONS[what][1]]) if REGRESSIONS[what][1] != Defect() else device
    files = dict(device.files)
    if what == "an audit rule removed":
        for name in _AUDIT_RULES:
            node = files[name]
            assert isinstance(node, File)
            assert isinstance(node.content, str)
            kept = [line for line in node.content.splitlines() if not line.startswith("-w /etc/sudoers ")]
            assert len(kept) < len(node.content.splitlines())
            files[name] = File("\n".join(kept) + "\n", node.mode)
    elif what == "a unit file that everybody may write":
        name = f"{_SYSTEMD}/vela-kiosk.service"
        node = files[name]
        files[name] = File(node.content if isinstance(node, File) else str(node), 0o666)
    elif what == "a greenboot check disabled":
        (name,) = [name for name in files if name.endswith("/80_lockdown.sh")]
        files[name.replace("required.d", "disabled.d")] = files.pop(name)
    return Device(files, device.commands)


# ---- twenty changes that harm nothing --------------------------------------------------------------------------------


def _text(files: Files, name: str, change: Callable[[str], str]) -> None:
    node = files[name]
    content = node.content if isinstance(node, File) else node
    assert isinstance(content, str), name
    changed = change(content)
    assert changed != content, name
    files[name] = File(changed, node.mode) if isinstance(node, File) else changed


def _texts(files: Files, names: tuple[str, ...], change: Callable[[str], str]) -> None:
    for name in names:
        _text(files, name, change)


def _swap(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


def _lines_reversed(text: str) -> str:
    return "\n".join(reversed(text.splitlines())) + "\n"


UUID = "7b1f3c52-22d0-4b7e-8a0e-5b1f0f6d2c99"
HARMLESS: Mapping[str, Callable[[Files], None]] = {
    "a comment in the SELinux configuration": lambda files: _text(
        files, "etc/selinux/config", lambda text: f"# build 2 of the image: not permissive\n{text}"
    ),
    "a comment in the sysctl settings": lambda files: _text(
        files, "etc/sysctl.d/60-vela.conf", lambda text: f"# kernel.kptr_restrict = 0\n{text}"
    ),
    "sysctl settings in another order": lambda files: _text(files, "etc/sysctl.d/60-vela.conf", _lines_reversed),
    "modprobe lines in another order": lambda files: _text(files, "etc/modprobe.d/vela.conf", _lines_reversed),
    "another UUID of the root in the boot entries": lambda files: _texts(files, _ENTRIES, _swap(boot.ROOT_UUID, UUID)),
    "another UUID in fstab and crypttab": lambda files: _texts(
        files, ("etc/fstab", "etc/crypttab"), _swap(boot.ROOT_UUID, UUID)
    ),
    "a rebuilt initramfs with equal content": lambda files: files.update(
        {INITRAMFS: File(initramfs(("usr/lib/modules.dep", "init", "etc/passwd"), 1), 0o600)}
    ),
    "another version of the image": lambda files: _text(files, "usr/lib/os-release", _swap("2.4.1", "2.5.0")),
    "another host name": lambda files: files.update({"etc/hostname": "vela-0002\n"}),
    "another machine id": lambda files: files.update({"etc/machine-id": "0011223344556677889900aabbccddee\n"}),
    "kernel arguments in another order": lambda files: _texts(
        files, _ENTRIES, _swap("slab_nomerge page_alloc.shuffle=1", "page_alloc.shuffle=1 slab_nomerge")
    ),
    "another description of the firewall zone": lambda files: _text(
        files, "etc/firewalld/zones/vela.xml", _swap("Nothing comes in.", "Nothing comes in: ACCEPT is not used.")
    ),
    "another description of a unit": lambda files: _text(
        files, f"{_SYSTEMD}/vela-kiosk.service", lambda text: f"# the kiosk of 2.5\n{text}"
    ),
    "a comment in a rule file of fapolicyd": lambda files: _text(
        files,
        "etc/fapolicyd/rules.d/15-vela-deny.rules",
        lambda text: f"# allow perm=any all : all would undo this\n{text}",
    ),
    "a comment and blank lines in the audit rules": lambda files: _texts(
        files, _AUDIT_RULES, lambda text: f"# -D would remove them all\n\n{text}"
    ),
    "a log that grew": lambda files: files.update({"var/log/vela.log": File("started\n" * 1000, 0o640)}),
    "a font added": lambda files: files.update({"usr/share/fonts/vela.ttf": b"\0\1\0\0" + bytes(400)}),
    "a document added": lambda files: files.update({"usr/share/doc/vela/NEWS": "SELINUX=permissive is gone\n"}),
    "a program added that is not setuid": lambda files: files.update(
        {"usr/libexec/vela/scan-helper": File(binary.elf(), 0o755)}
    ),
    "files written in another order, with other times": lambda files: files.update(
        dict(reversed([(name, files.pop(name)) for name in list(files)]))
    ),
}


def harmless(device: Device, names: tuple[str, ...] = tuple(HARMLESS)) -> Device:
    """The device with these changes."""
    files = dict(device.files)
    for name in names:
        HARMLESS[name](files)
    return Device(files, device.commands)


def with_packages(device: Device, *packages: tuple[str, str, str]) -> Device:
    """The device with these packages, each in the place of one of the same name."""
    found = {name: (name, version, release) for name, version, release in (*boot.PACKAGES, *packages)}
    return Device({**device.files, "usr/share/rpm/rpmdb.sqlite": binary.rpmdb(list(found.values()))}, device.commands)


# ---- images ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Volumes:
    """The LUKS volumes of N and N+1, as bytes of a partition."""

    good: bytes
    weak: bytes


def volumes(folder: Path) -> Volumes:
    """Two LUKS2 volumes by cryptsetup with an Argon2id passphrase and a Clevis token that a software TPM sealed.

    The good one is sealed to the PCRs 7 and 11; the weak one to PCR 7, and has a passphrase with PBKDF2 beside.
    """
    with software_tpm() as tpm:
        tokens = [tpm.clevis("tpm2", {"pcr_bank": "sha256", "pcr_ids": pcrs}) for pcrs in ("7,11", "7")]
    found = []
    for number, token in enumerate(tokens):
        path = luks(folder / f"luks{number}", kdf="argon2id", options=("--pbkdf-memory", "131072"))
        add_key(path, "a random key for clevis")
        add_token(path, {"type": "clevis", "keyslots": ["1"], "jwe": token_of(token)})
        if number:
            add_key(path, "spare")
        found.append(path.read_bytes())
    return Volumes(*found)


def token_of(compact: str) -> Any:
    """The token as Clevis stores it: a JWE in its general form (RFC 7516, 7.2.1)."""
    protected, encrypted, vector, text, tag = compact.split(".")
    return {
        "protected": protected,
        "encrypted_key": encrypted,
        "iv": vector,
        "ciphertext": text,
        "tag": tag,
    }


def image(path: Path, device: Device, volume: bytes, uuid: str) -> Path:
    """A GPT disk of the device: EFI system partition, boot partition, root by mkfs.ext4 -d, and the LUKS volume."""
    folder = path.with_suffix(".parts")
    folder.mkdir()
    system, kernel, firmware = split(device.files)
    efi = vfat(folder, {name: _bytes(node) for name, node in firmware.items()}, "EFI")
    boot_part = ext4(folder, write(_new(folder / "boot"), kernel), "-L", "boot", size="8M")
    root = ext4(folder, write(_new(folder / "root"), system), "-U", uuid, "-L", "vela", size="24M")
    parts = [Spec(efi, "EFI", "ef00"), Spec(boot_part, "boot"), Spec(root, "system"), Spec(volume, "data")]
    return disk(path, parts)


def split(files: Files) -> tuple[Files, Files, Files]:
    """Files of the root, of /boot and of /boot/efi, each relative to its own root."""
    parts: tuple[Files, Files, Files] = ({"boot": Folder()}, {"efi": Folder()}, {})
    for name, node in files.items():
        if name.startswith("boot/efi/"):
            parts[2][name.removeprefix("boot/efi/")] = node
        elif name.startswith("boot/"):
            parts[1][name.removeprefix("boot/")] = node
        else:
            parts[0][name] = node
    return parts


def _new(path: Path) -> Path:
    path.mkdir()
    path.chmod(0o755)
    return path


def _bytes(node: Any) -> str | bytes:
    content = node.content if isinstance(node, File) else node
    assert isinstance(content, str | bytes)
    return content


# ---- bills of materials ----------------------------------------------------------------------------------------------


def with_license(path: Path, component: str, license_id: str) -> None:
    """Say under which licence a component of a CycloneDX document is, as its vendor would."""
    document = json.loads(path.read_bytes())
    (one,) = [found for found in document["components"] if found["name"] == component]
    one["licenses"] = [{"license": {"id": license_id}}]
    path.write_text(json.dumps(document))
