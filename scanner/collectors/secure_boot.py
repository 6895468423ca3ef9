"""Secure Boot state, its key databases and the boot entries of a running system, from UEFI variables.

Sources: UEFI Specification 2.10, sections 3.3 and 32; kernel, Documentation/filesystems/efivarfs.rst; rhboot/shim,
MokVars.txt; systemd-stub(7) and systemd-boot(7) for the loader's variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.boot import efivars
from scanner.boot.efivars import GLOBAL_GUID, IMAGE_SECURITY_GUID, LOADER_GUID, SHIM_GUID, Signature, Variable
from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import MissingError, NotCollectedError, ParseError, TargetError
from scanner.model.fact import Evidence, Fact, FactSpec, Json

__all__ = ["COLLECTOR"]

_EFI = "/sys/firmware/efi"
_VARIABLES = f"{_EFI}/efivars"
_MOK_VARIABLES = f"{_EFI}/mok-variables"
_MAX_VARIABLE = 4 * 1024 * 1024

_STORES = (
    ("PK", GLOBAL_GUID),
    ("KEK", GLOBAL_GUID),
    ("db", IMAGE_SECURITY_GUID),
    ("dbx", IMAGE_SECURITY_GUID),
    ("MokListRT", SHIM_GUID),
    ("MokListXRT", SHIM_GUID),
)


def _has_efi(look: Look) -> bool:
    return look.runtime.exists(_EFI)


def _present(look: Look) -> Json:
    return _has_efi(look)


def _names(look: Look) -> list[str]:
    """Names of all variables. Raises NotCollectedError when efivarfs is not mounted."""
    try:
        names = look.runtime.names(_VARIABLES)
    except MissingError:
        names = []
    if not names:
        raise NotCollectedError(f"{_VARIABLES} is not mounted or empty")
    return names


def _variable(look: Look, name: str, guid: str) -> Variable | None:
    """One variable, or None when it is not set. Raises ParseError, TargetError."""
    path = f"{_VARIABLES}/{name}-{guid}"
    try:
        data = look.runtime.read(path, _MAX_VARIABLE)
    except MissingError:
        return None
    look.saw(Evidence(path))
    return efivars.parse_variable(data)


def _flag(look: Look, name: str, guid: str = GLOBAL_GUID) -> bool | None:
    variable = _variable(look, name, guid)
    return None if variable is None else efivars.flag(variable)


def _signatures(look: Look, name: str, guid: str) -> list[Signature] | None:
    """Entries of a key database, or None when the variable is not set."""
    variable = _variable(look, name, guid)
    if variable is not None:
        return efivars.signature_lists(variable.data)
    if not name.startswith("Mok"):
        return None
    # Large lists of shim are mirrored by the kernel here, without the attribute word.
    path = f"{_MOK_VARIABLES}/{name}"
    try:
        data = look.runtime.read(path, _MAX_VARIABLE)
    except MissingError:
        return None
    look.saw(Evidence(path))
    return efivars.signature_lists(data)


def _mok_disabled(look: Look) -> bool:
    """Whether shim verifies nothing (`mokutil --disable-validation`); no variable means that it does verify."""
    variable = _flag(look, "MokSBStateRT", SHIM_GUID)
    if variable is None and look.runtime.exists(f"{_MOK_VARIABLES}/MokSBStateRT"):
        data = look.runtime.read(f"{_MOK_VARIABLES}/MokSBStateRT", 16)
        return efivars.flag(Variable((), data))
    return bool(variable)


def _state(look: Look) -> Json:
    if not _has_efi(look):
        look.because("the system was not started by UEFI")
        return None
    _names(look)
    stores = {name: _signatures(look, name, guid) for name, guid in _STORES}
    platform = stores["PK"] or []
    return {
        "enabled": bool(_flag(look, "SecureBoot")),
        "setup_mode": _flag(look, "SetupMode"),
        "audit_mode": _flag(look, "AuditMode"),
        "deployed_mode": _flag(look, "DeployedMode"),
        "pk_present": bool(platform),
        "pk_test_key": any(efivars.is_test_key(item.subject) for item in platform),
        "pk_subject": next((item.subject for item in platform if item.subject), None),
        "kek_entries": len(stores["KEK"] or []),
        "db_entries": len(stores["db"] or []),
        "dbx_entries": len(stores["dbx"] or []),
        "mok_entries": len(stores["MokListRT"] or []),
        "mok_validation_disabled": _mok_disabled(look),
    }


def _keys(look: Look) -> Json:
    if not _has_efi(look):
        look.because("the system was not started by UEFI")
        return None
    _names(look)
    records: list[dict[str, Json]] = []
    for name, guid in _STORES:
        try:
            found = _signatures(look, name, guid) or []
        except (ParseError, TargetError) as error:
            look.gap(name, reason_of(error))
            continue
        certificates = [item for item in found if item.kind == "x509"]
        records += [_key_record(name, item, 1) for item in certificates]
        groups: dict[tuple[str, str], int] = {}
        for item in found:
            if item.kind != "x509":
                groups[item.kind, item.owner] = groups.get((item.kind, item.owner), 0) + 1
        records += [_key_record(name, Signature(*pair), count) for pair, count in sorted(groups.items())]
        for item in certificates:
            if item.problem is not None:
                look.gap(name, f"malformed: {item.problem}")
    return records


def _key_record(store: str, item: Signature, count: int) -> dict[str, Json]:
    return {
        "store": store,
        "kind": item.kind,
        "owner": item.owner,
        "subject": item.subject,
        "fingerprint": item.fingerprint,
        "test_key": efivars.is_test_key(item.subject),
        "count": count,
    }


def _boot_entries(look: Look) -> Json:
    if not _has_efi(look):
        look.because("the system was not started by UEFI")
        return None
    names = _names(look)
    order = _order(look, "BootOrder")
    current = _order(look, "BootCurrent")
    records = []
    for name in names:
        found = re.fullmatch(rf"Boot([0-9A-Fa-f]{{4}})-{GLOBAL_GUID}", name)
        if found is None:
            continue
        number = found[1].upper()
        try:
            variable = _variable(look, f"Boot{found[1]}", GLOBAL_GUID)
            if variable is None:
                continue
            option = efivars.load_option(variable)
        except (ParseError, TargetError) as error:
            look.gap(name, reason_of(error))
            continue
        records.append(
            {
                "id": number,
                "active": option.active,
                "description": option.description,
                "file": option.file,
                "partition": option.partition,
                "position": order.index(number) if number in order else None,
                "current": number in current,
            }
        )
    return sorted(records, key=lambda record: str(record["id"]))


def _order(look: Look, name: str) -> list[str]:
    variable = _variable(look, name, GLOBAL_GUID)
    return [] if variable is None else efivars.boot_order(variable)


def _loader(look: Look) -> Json:
    if not _has_efi(look):
        look.because("the system was not started by UEFI")
        return None
    _names(look)
    wanted = {
        "stub_info": "StubInfo",
        "stub_pcr_kernel_image": "StubPcrKernelImage",
        "stub_pcr_kernel_parameters": "StubPcrKernelParameters",
        "loader_info": "LoaderInfo",
        "loader_image": "LoaderImageIdentifier",
    }
    return {field: _text(look, name) for field, name in wanted.items()}


def _text(look: Look, name: str) -> str | None:
    variable = _variable(look, name, LOADER_GUID)
    return None if variable is None else efivars.utf16_text(variable.data)[:256]


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield from look.facts(
        {
            "efi.present": _present,
            "secure_boot.state": _state,
            "secure_boot.keys": _keys,
            "efi.boot_entries": _boot_entries,
            "efi.loader": _loader,
        }
    )


COLLECTOR = Collector(
    id="secure_boot",
    facts=(
        FactSpec("efi.present", "value", "Whether the system was started by UEFI.", facet="runtime"),
        FactSpec(
            "secure_boot.state",
            "object",
            "What the firmware and shim say about Secure Boot; absent on a system not started by UEFI.",
            facet="runtime",
            fields={
                "enabled": "flag: SecureBoot is 1; a missing variable counts as off",
                "setup_mode": "flag: no platform key is enrolled, anyone may enrol; null when not set",
                "audit_mode": "flag: failures are logged, not stopped; null when not set",
                "deployed_mode": "flag: DeployedMode is 1; null when not set",
                "pk_present": "flag: a platform key is enrolled",
                "pk_test_key": "flag: the platform key says that it must not be trusted or shipped",
                "pk_subject": "text: subject of the platform key; null without a certificate",
                "kek_entries": "number: entries of KEK",
                "db_entries": "number: entries of db",
                "dbx_entries": "number: entries of dbx",
                "mok_entries": "number: machine owner keys and hashes",
                "mok_validation_disabled": "flag: shim verifies nothing (MokSBStateRT is 1)",
            },
        ),
        FactSpec(
            "secure_boot.keys",
            "table",
            "Certificates of PK, KEK, db, dbx and the MOK lists, each; hashes counted by kind and owner.",
            facet="runtime",
            fields={
                "store": "text: PK, KEK, db, dbx, MokListRT or MokListXRT",
                "kind": "text: x509, sha256 …, or the GUID of another type",
                "owner": "text: GUID of who enrolled it",
                "subject": "text: subject of the certificate; null for hashes",
                "fingerprint": "text: SHA-256 of the certificate; null for hashes",
                "test_key": "flag: the subject says do not trust or do not ship",
                "count": "number: entries this record stands for",
            },
        ),
        FactSpec(
            "efi.boot_entries",
            "table",
            "Boot#### options, by number.",
            facet="runtime",
            fields={
                "id": "text: four hexadecimal digits",
                "active": "flag: tried at boot",
                "description": "text: its name",
                "file": "text: path on the partition, with backslashes; null without one",
                "partition": "text: GUID of the partition; null without one",
                "position": "number: place in BootOrder, from 0; null when not in it",
                "current": "flag: the system was started by it (BootCurrent)",
            },
        ),
        FactSpec(
            "efi.loader",
            "object",
            "What systemd-boot and systemd-stub left in variables; each null when not set.",
            facet="runtime",
            fields={
                "stub_info": "text: name and version of the stub",
                "stub_pcr_kernel_image": "text: PCR the stub measured the UKI into (11)",
                "stub_pcr_kernel_parameters": "text: PCR the stub measured parameters into (12)",
                "loader_info": "text: name and version of the boot loader",
                "loader_image": "text: path of the boot loader's image",
            },
        ),
    ),
    collect=collect,
)
