"""What the walks of docs/users begin with: two releases of VelaOS as sealed disk images and as signed container images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from fixtures.targets import velaos
from fixtures.targets.tree import Device, File, Files, Folder, Node, write
from fixtures.targets.velaos.boot import ROOT_UUID
from fixtures.targets.velaos.changes import DEFECTS, apply
from tests.storage_lab import run
from tests.unit.supply_chain.signing import layout_lab
from tests.unit.target.mapped.luks_lab import volume

CLOCK = "2026-03-02T09:00:00Z"
EPOCH = "1772442000"
REGRESSIONS = ("velaos.selinux.enforcing", "velaos.net.target-drop", "velaos.kernel.init-on-alloc")
"""What the second release broke without anybody noticing."""

_RUNNING = ("proc/", "sys/", "run/")
_EMPTY = ("boot", "sysroot", "proc", "sys", "run", "dev", "var")
_PREPARE = "usr/lib/ostree/prepare-root.conf"
_RELEASE = "usr/lib/os-release"
_TYPES = {
    "esp": "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
    "boot": "bc13c2ff-59e6-4262-a352-b275fd6f7172",
    "root": "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
}
_MIB = 1 << 20
_PASSPHRASE = b"a passphrase of the factory"


def prepare(folder: Path) -> Path:
    """Fill `folder`; what is in it is only read by the walks."""
    good = velaos.hardened()
    later = apply(good, [DEFECTS[name] for name in REGRESSIONS])
    (folder / "device.key").write_bytes(_PASSPHRASE)
    scratch = folder / ".scratch"
    for device, version, name in ((good, "2.4", "vela-2.4"), (later, "2.5", "vela-2.5")):
        disk(_released(device, version), folder / f"{name}.img", scratch / name)
    containers(folder, scratch)
    return folder


def _released(device: Device, version: str) -> Files:
    """Its persistent half, under another version. No tool of Debian makes composefs images: the root is the checkout."""
    files = {name: node for name, node in device.files.items() if not name.startswith(_RUNNING) and name != "ostree"}
    return files | {
        _RELEASE: _text(files[_RELEASE]).replace("2.4", version),
        _PREPARE: _text(files[_PREPARE]).replace("enabled = true", "enabled = no"),
    }


def _text(node: Node) -> str:
    content = node.content if isinstance(node, File) else node
    assert isinstance(content, str)
    return content


# ---- disk images -----------------------------------------------------------------------------------------------------


def disk(files: Mapping[str, Node], image: Path, scratch: Path) -> None:
    """A GPT disk: EFI system partition, /boot, and a LUKS2 root with two ostree deployments of `files`."""
    esp = _tree(scratch / "esp", _below(files, "boot/efi/"))
    boot = {name: node for name, node in _below(files, "boot/").items() if not name.startswith("efi/")}
    parts = {"esp": _fat(esp), "boot": _ext4(_tree(scratch / "boot", boot), 16)}
    plain = _ext4(_tree(scratch / "root", _ostree(files)), 24)
    cost = ("--pbkdf-memory", "131072", "--uuid", ROOT_UUID)
    parts["root"] = volume(scratch / "root.luks", plain.read_bytes(), kdf="argon2id", options=cost, key=_PASSPHRASE)
    sizes = {name: -(-path.stat().st_size // _MIB) for name, path in parts.items()}
    with image.open("wb") as stream:
        stream.truncate((sum(sizes.values()) + 2) * _MIB)
    table, start = [], 1
    for number, (name, size) in enumerate(sizes.items(), 1):
        table += ["-n", f"{number}:{start * 2048}:+{size}M", "-t", f"{number}:{_TYPES[name]}", "-c", f"{number}:{name}"]
        sizes[name], start = start, start + size
    run("sgdisk", *table, str(image))
    for name, path in parts.items():
        run("dd", f"if={path}", f"of={image}", "bs=1M", f"seek={sizes[name]}", "conv=notrunc,sparse", "status=none")


def _below(files: Mapping[str, Node], folder: str) -> Files:
    return {name.removeprefix(folder): node for name, node in files.items() if name.startswith(folder)}


def _ostree(files: Mapping[str, Node]) -> Files:
    """The physical root: repository, stateroot, and the same checkout twice (the second is the release before)."""
    physical = _below(files, "sysroot/")
    checkouts = [name for name, node in physical.items() if isinstance(node, Folder)]
    root: Files = {name: node for name, node in physical.items() if name not in checkouts}
    root |= {f"ostree/deploy/vela/var/{name}": node for name, node in _below(files, "var/").items()}
    inside = {name: node for name, node in files.items() if name.split("/")[0] not in _EMPTY}
    for checkout in checkouts:
        root |= {f"{checkout}/{name}": node for name, node in inside.items()}
        root |= {f"{checkout}/{name}": Folder() for name in _EMPTY}
    return root


def _tree(folder: Path, files: Mapping[str, Node]) -> Path:
    folder.mkdir(parents=True)
    return write(folder, files)


def _blank(path: Path, size: int) -> Path:
    with path.open("wb") as stream:
        stream.truncate(size * _MIB)
    return path


def _fat(tree: Path) -> Path:
    image = _blank(tree.with_suffix(".fs"), 8)
    run("mkfs.vfat", "-n", "EFI", str(image))
    run("mcopy", "-i", str(image), "-s", *(str(one) for one in tree.iterdir()), "::")
    return image


def _ext4(tree: Path, size: int) -> Path:
    """Everything in it belongs to root, whoever runs the tests."""
    image = _blank(tree.with_suffix(".fs"), size)
    run("mke2fs", "-q", "-t", "ext4", "-L", tree.name, "-d", str(tree), str(image))
    paths = ["/", *(f"/{path.relative_to(tree)}" for path in sorted(tree.rglob("*")))]
    owners = tree.with_suffix(".owners")
    owners.write_text("".join(f'sif "{path}" {field} 0\n' for path in paths for field in ("uid", "gid")))
    run("debugfs", "-w", "-f", str(owners), str(image))
    return image


# ---- container images ------------------------------------------------------------------------------------------------

_COMPONENTS = {
    "2.4": {"kernel": "6.12.0-124.8.1.el10_1", "openssl-libs": "3.2.2-16.el10", "systemd": "257-13.el10", "libssh": "0.11.1-1.el10"},
    "2.5": {"kernel": "6.12.0-130.2.1.el10_1", "openssl-libs": "3.2.2-15.el10", "systemd": "257-13.el10", "ghostscript": "10.02.1-16.el10"},
}  # fmt: skip
_LICENCES = {
    "kernel": "GPL-2.0-only",
    "openssl-libs": "Apache-2.0",
    "systemd": "LGPL-2.1-or-later",
    "libssh": "LGPL-2.1-or-later",
    "ghostscript": "AGPL-3.0-or-later",
}


def containers(folder: Path, scratch: Path) -> None:
    """Both releases as OCI layouts, signed as cosign does, each with an attested SBOM; the SBOMs also as files."""
    key = layout_lab.Key()
    (folder / "cosign.pub").write_bytes(key.pem)
    for version, components in _COMPONENTS.items():
        (scratch / version).mkdir(parents=True)
        lab = layout_lab.make_layout(scratch / version, f'NAME=VelaOS\nID=velaos\nVERSION_ID="{version}"\n')
        image = lab.digest
        lab.attach(layout_lab.simple(key, layout_lab.claim(image)), how="sig")
        bom = _cyclonedx(version, components)
        statement = layout_lab.statement(image, predicate=bom)
        lab.attach((layout_lab.as_json(layout_lab.envelope(statement, key)), layout_lab.DSSE, {}), how="att")
        lab.root.rename(folder / f"vela-{version}.oci")
        (folder / f"vela-{version}.cdx.json").write_text(json.dumps(bom, indent=1))


def _cyclonedx(version: str, components: Mapping[str, str]) -> dict[str, object]:
    def entry(name: str, version: str) -> dict[str, object]:
        purl = f"pkg:rpm/almalinux/{name}@{version}?arch=x86_64&distro=almalinux-10"
        return {
            "type": "library",
            "bom-ref": name,
            "name": name,
            "version": version,
            "purl": purl,
            "supplier": {"name": "AlmaLinux"},
            "licenses": [{"license": {"id": _LICENCES[name]}}],
        }

    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:00000000-0000-4000-8000-0000000000{version.replace('.', '')}",
        "version": 1,
        "metadata": {
            "timestamp": CLOCK,
            "supplier": {"name": "Vela"},
            "authors": [{"name": "Vela release team"}],
            "component": {"type": "operating-system", "bom-ref": "vela", "name": "VelaOS", "version": version},
        },
        "components": [entry(*one) for one in components.items()],
        "dependencies": [{"ref": "vela", "dependsOn": sorted(components)}, *({"ref": one} for one in components)],
    }
