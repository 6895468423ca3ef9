"""EFI programs that a system boots through: unified kernel images with their sections, add-ons, and boot loaders.

No signature is judged here: that there is one, of which kind and with which digest, is a fact; whether anybody trusts
it is decided elsewhere.
Sources: UAPI specification "Unified Kernel Image"; systemd-stub(7); rhboot/shim SBAT.md; Microsoft PE format.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from scanner.boot import pe, sbat, uki
from scanner.collectors.base import Collector, Look, reason_of
from scanner.collectors.cmdline_secrets import public_text
from scanner.collectors.efi_files import EfiFile, Partition, add_ons, efi_file, efi_files, partitions, within
from scanner.collectors.record_fields import told
from scanner.collectors.uki_lines import os_values, profile_values
from scanner.model.errors import NotCollectedError, ParseError
from scanner.model.fact import Evidence, Fact, FactSpec, Json
from scanner.parsers import bls

_MAX_HASHED = 2 << 30
"""Bytes of one file of which a digest is made."""


def _programs(look: Look) -> list[EfiFile]:
    """Every EFI program of the tree; raises NotCollectedError when no EFI folder is part of it."""
    if not any(one.efi is not None for one in look.shared(partitions)):
        raise NotCollectedError("no EFI system partition is part of this target")
    return look.shared(efi_files)


def _sound(look: Look, files: list[EfiFile]) -> Iterator[tuple[EfiFile, pe.Image]]:
    """The files that could be taken apart; the others are gaps."""
    for file in files:
        if file.image is not None:
            look.saw(Evidence(file.path))
            yield file, file.image
        elif file.error is not None:
            look.gap(file.path, reason_of(file.error))


def _digest(read: pe.Reader, offset: int, size: int) -> str:
    if size > _MAX_HASHED:
        raise NotCollectedError(f"limit: {size} bytes are too many for a digest")
    digest = hashlib.sha256()
    for piece in pe.content(read, offset, size):
        digest.update(piece)
    return digest.hexdigest()


def _common(file: EfiFile, image: pe.Image) -> dict[str, Json]:
    """What every EFI program has."""
    table = image.named(".sbat")
    return {
        "path": file.path,
        "size": file.size,
        "sha256": told(lambda: _digest(file.read, 0, file.size)),
        "machine": image.machine,
        "subsystem": image.subsystem,
        "nx_compatible": image.nx_compatible,
        "signatures": [_signature(file, one) for one in image.certificates],
        "sbat": told(lambda: _components(file, table)) if table is not None else None,
        "notes": list(image.notes),
    }


def _signature(file: EfiFile, one: pe.Certificate) -> dict[str, Json]:
    digest = told(lambda: _digest(file.read, one.offset, one.size))
    return {"type": one.type, "revision": one.revision, "size": one.size, "sha256": digest}


def _components(file: EfiFile, section: pe.Section) -> Json:
    return [
        {
            "component": one.name,
            "generation": one.generation,
            "vendor": one.vendor,
            "package": one.package,
            "version": one.version,
            "url": one.url,
        }
        for one in sbat.parse(uki.section_bytes(file.read, section, sbat.MAX_BYTES))
    ]


def _program(file: EfiFile, image: pe.Image) -> tuple[str | None, str | None]:
    """Name and version that systemd's programs carry in a section of their own, or that SBAT gives the first component.

    Raises ParseError.
    """
    magic = image.named(".sdmagic")
    known = uki.stub_of(uki.section_bytes(file.read, magic)) if magic is not None else None
    if known is not None:
        return known
    table = image.named(".sbat")
    parts = sbat.parse(uki.section_bytes(file.read, table, sbat.MAX_BYTES)) if table is not None else ()
    first = next((one for one in parts if one.name != "sbat"), None)
    if first is None:
        return None, None
    # What a distribution made of it stands in a line of its own (`shim.debian`), with the true version.
    last = next((one for one in reversed(parts) if one.name.startswith(f"{first.name}.")), first)
    return first.name, last.version


# ---- unified kernel images -----------------------------------------------------------------------------------------


def _images(look: Look) -> Json:
    records: list[dict[str, Json]] = []
    for file, image in _sound(look, [*_programs(look), *_named_elsewhere(look)]):
        if uki.is_uki(image):
            common = _common(file, image)
            profiles = told(lambda image=image: uki.profiles(image))  # type: ignore[misc]  # bound per turn
            if isinstance(profiles, dict):
                look.gap(file.path, str(profiles["reason"]))
                continue
            extras = [one.path for one in add_ons(look, file) if one.image is not None]
            if any(_secret(file, profile) for profile in profiles):
                common["sha256"] = {"state": "not_collected", "reason": "a secret is inside"}
            digests: dict[int, Json] = {}
            for profile in profiles:
                own = _profile(file, image, profile, len(profiles), digests)
                records.append({**common, **own, "add_ons": extras})
    return records


def _named_elsewhere(look: Look) -> list[EfiFile]:
    """Programs that boot entries name outside of the EFI folder."""
    known = {file.path for file in look.shared(efi_files)}
    found: dict[str, EfiFile] = {}
    for partition in look.shared(partitions):
        folder = f"{partition.top}/loader/entries"
        for name in look.try_names(folder):
            text = look.try_text(f"{folder}/{name}") if name.endswith(".conf") else None
            try:
                entry = bls.parse(text or "")
            except ParseError as error:
                look.gap(f"{folder}/{name}", reason_of(error))
                continue
            wanted = entry.first("uki") or entry.first("efi")
            path = within(look, partition.top, wanted) if wanted else None
            if path is not None and path not in known:
                found[path] = efi_file(look, Partition(partition.top, partition.efi), path, "")
    return [found[path] for path in sorted(found)]


def _profile(
    file: EfiFile, image: pe.Image, profile: uki.Profile, count: int, digests: dict[int, Json]
) -> dict[str, Json]:  # fmt: skip
    def text_of(name: str) -> str | None:
        section = profile.sections.get(name)
        return uki.section_text(file.read, section) if section is not None else None

    def digest_of(section: pe.Section) -> Json:
        if section.offset not in digests:
            digests[section.offset] = told(lambda: _digest(file.read, section.offset, section.size))
        return digests[section.offset]

    line = told(lambda: text_of(".cmdline"))
    secret = _secret(file, profile)
    policies = told(lambda: _policies(file, profile))
    key = told(lambda: _key(file, profile))
    return {
        "profile": profile.number,
        "profiles": count,
        "profile_id": told(lambda: profile_values(file.read, profile).get("ID")),
        "stub": told(lambda: _program(file, image)[0]),
        "stub_version": told(lambda: _program(file, image)[1]),
        "sections": [
            {
                "name": name,
                "size": section.size,
                "sha256": None if secret and name == ".cmdline" else digest_of(section),
                "own": name in profile.own,
            }
            for name, section in sorted(profile.sections.items())
        ],
        "cmdline": public_text(uki.command_line(line)) if isinstance(line, str) else line,
        "osrel": told(lambda: _pairs(file, profile)),
        "uname": told(lambda: text_of(".uname")),
        "pcrsig": policies,
        "pcrpkey": key,
        "pcrsig_by_own_key": _by_own_key(policies, key),
    }


def _secret(file: EfiFile, profile: uki.Profile) -> bool:
    """Whether the command line holds a secret, so that a digest over it would be a guessing oracle."""
    section = profile.sections.get(".cmdline")
    text = told(lambda: uki.section_text(file.read, section)) if section is not None else None
    return isinstance(text, str) and public_text(text) != text


def _pairs(file: EfiFile, profile: uki.Profile) -> Json:
    if ".osrel" not in profile.sections:
        return None
    return [{"key": key, "value": value} for key, value in sorted(os_values(file.read, profile).items())]


def _policies(file: EfiFile, profile: uki.Profile) -> Json:
    section = profile.sections.get(".pcrsig")
    if section is None:
        return None
    found = uki.pcr_policies(uki.section_bytes(file.read, section, 1 << 20))
    return [{"bank": one.bank, "pcrs": list(one.pcrs), "key": one.key, "policy": one.policy} for one in found]


def _key(file: EfiFile, profile: uki.Profile) -> Json:
    section = profile.sections.get(".pcrpkey")
    if section is None:
        return None
    found = uki.public_key(uki.section_bytes(file.read, section))
    return {"sha256": found.sha256, "fingerprint": found.fingerprint}


def _by_own_key(policies: Json, key: Json) -> Json:
    """Whether every signed policy names the key that the image carries; null when there is nothing to compare."""
    if not isinstance(policies, list) or not policies or not isinstance(key, dict) or not key.get("fingerprint"):
        return None
    return all(one["key"] == key["fingerprint"] for one in policies)


# ---- add-ons and boot loaders --------------------------------------------------------------------------------------


def _add_ons(look: Look) -> Json:
    found: dict[str, EfiFile] = {}
    for file in _programs(look):
        if file.image is not None and uki.is_uki(file.image):
            found.update((one.path, one) for one in add_ons(look, file))
    records = []
    for file, image in _sound(look, [found[path] for path in sorted(found)]):
        line = image.named(".cmdline")
        text = told(lambda file=file, line=line: uki.section_text(file.read, line) if line is not None else None)  # type: ignore[misc]  # bound per turn
        records.append(
            {
                **_common(file, image),
                "sections": sorted({one.name for one in image.sections if one.name in uki.SECTIONS}),
                "cmdline": public_text(uki.command_line(text)) if isinstance(text, str) else text,
            }
        )
    return records


def _loaders(look: Look) -> Json:
    records = []
    for file, image in _sound(look, _programs(look)):
        if uki.is_uki(image) or (uki.is_addon(image) and file.name.lower().endswith(".addon.efi")):
            continue
        named = told(lambda file=file, image=image: _program(file, image))  # type: ignore[misc]  # bound per turn
        kind, version = named if isinstance(named, tuple) else (named, named)
        records.append(
            {
                **_common(file, image),
                "kind": kind,
                "version": version,
                "removable": file.folder == "boot",
                "installed": file.partition.installed,
            }
        )
    return records


def collect(look: Look) -> Iterator[Fact]:
    """See COLLECTOR."""
    yield from look.facts(
        {
            "boot.uki": _images,
            "boot.add_ons": _add_ons,
            "boot.loaders": _loaders,
        }
    )


_COMMON = {
    "path": "text: the file",
    "size": "number: bytes",
    "sha256": "text: digest of the whole file",
    "machine": "text: processor, as uname -m spells it",
    "subsystem": "text: efi-application, efi-boot-service-driver, …",
    "nx_compatible": "flag: says of itself that it runs with memory that is either writable or executable",
    "signatures": "list: {type (pkcs7, …), revision, size, sha256} of each signature; none is judged",
    "sbat": "list: {component, generation, vendor, package, version, url}, null without the section",
    "notes": "list: what does not fit together in the file",
}

COLLECTOR = Collector(
    id="boot_images",
    facts=(
        FactSpec(
            "boot.uki",
            "table",
            "Unified kernel images on the EFI partition or named by boot entries, one record a profile, by path.",
            fields={
                **_COMMON,
                "profile": "number: from 0; sections of its own stand before those of the base profile",
                "profiles": "number: of the file",
                "profile_id": "text: ID of .profile, null without",
                "stub": "text: name of the stub, null when it does not say",
                "stub_version": "text: its version, null when it does not say",
                "sections": "list: {name, size, sha256, own (of this profile, not of the base)}, by name",
                "cmdline": "text: command line inside (with Secure Boot the only one), null: who starts it gives one",
                "osrel": "list: {key, value} of .osrel, null without",
                "uname": "text: kernel release, null without",
                "pcrsig": "list: {bank, pcrs, key, policy} of each signed PCR expectation, null without .pcrsig",
                "pcrpkey": "object: sha256 of the key, fingerprint as .pcrsig names it (null: no RSA); null without",
                "pcrsig_by_own_key": "flag: all of .pcrsig names the key of .pcrpkey; null without both",
                "add_ons": "list: paths of the add-ons that its stub looks at",
            },
            on_demand=True,
        ),
        FactSpec(
            "boot.add_ons",
            "table",
            "Add-ons (command lines, device trees, initrds, microcode) beside unified kernel images, by path.",
            fields={
                **_COMMON,
                "sections": "list: names of the sections that a stub takes",
                "cmdline": "text: what it appends to the command line, null without",
            },
        ),
        FactSpec(
            "boot.loaders",
            "table",
            "EFI programs that are neither unified kernel images nor add-ons, by path.",
            fields={
                **_COMMON,
                "kind": "text: shim, grub, systemd-boot, … as the program says, null when it does not",
                "version": "text: version, null when it does not say",
                "removable": "flag: in EFI/BOOT, which firmware starts from without an entry",
                "installed": "flag: on the EFI partition, not among the files that an updater copies there",
            },
        ),
    ),
    collect=collect,
)
