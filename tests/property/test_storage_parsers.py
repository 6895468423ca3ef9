"""Hostile bytes: every parser of storage, TPM and Secure Boot state raises ParseError or returns, nothing else."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import struct
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.boot import der, efivars, luks, tpm_policy, tpm_tokens
from scanner.boot.luks_model import Token
from scanner.model.errors import ParseError
from scanner.parsers import crypttab, fstab, mount_options, mountinfo, partition_table, signatures
from tests.storage_lab import jwe

MANY = settings(max_examples=200, deadline=None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.sampled_from("0123"), inner, max_size=4)
    ),
    max_leaves=12,
)


def luks2(metadata: Any, *, size: int = 0x4000) -> bytes:
    """A primary LUKS2 header with right checksum around any JSON."""
    head = bytearray(4096)
    head[:8] = b"LUKS\xba\xbe\0\2"
    struct.pack_into(">QQ", head, 8, size, 1)
    head[72:78] = b"sha256"
    text = json.dumps(metadata).encode().ljust(size - 4096, b"\0")[: size - 4096]
    head[448:480] = hashlib.sha256(bytes(head) + text).digest()
    return bytes(head) + text


def read(data: bytes) -> luks.Reader:
    return lambda offset, length: data[offset : offset + length]


VALID = {
    "keyslots": {
        "0": {"type": "luks2", "key_size": 64, "kdf": {"type": "argon2id", "time": 4}, "area": {"type": "raw"}}
    },
    "tokens": {"0": {"type": "clevis", "keyslots": ["0"], "jwe": {}}},
    "segments": {"0": {"type": "crypt", "offset": "16777216", "size": "dynamic", "encryption": "aes-xts-plain64"}},
    "digests": {"0": {"keyslots": ["0"], "segments": ["0"]}},
    "config": {},
}


@MANY
@given(st.binary(max_size=9000))
def test_any_bytes(data: bytes) -> None:
    for prefix in (b"", b"LUKS\xba\xbe\0\1", b"LUKS\xba\xbe\0\2", b"LUKSMETA\0\0\0\1"):
        with contextlib.suppress(ParseError):
            luks.read_header(read(prefix + data))
        luks.luks1_hole(prefix + data)
        with contextlib.suppress(ParseError):
            tpm_tokens.luksmeta_records(prefix + data)
        assert isinstance(signatures.probe(prefix + data), list)
    for parse in (
        tpm_policy.parse_public,
        tpm_policy.parse_2b_public,
        tpm_policy.parse_sealed_blob,
        der.certificate_subject,
        der.rsa_numbers,
        der.pem_bytes,
        efivars.parse_variable,
        efivars.signature_lists,
    ):
        with contextlib.suppress(ParseError):
            parse(data)
    for take in (efivars.flag, efivars.boot_order, efivars.load_option):
        with contextlib.suppress(ParseError):
            take(efivars.Variable((), data))


@MANY
@given(st.sampled_from(sorted(VALID)), JSON)
def test_any_section_of_luks2_json(section: str, value: Any) -> None:
    with contextlib.suppress(ParseError):
        header = luks.read_header(read(luks2({**VALID, section: value})))
        for token in header.tokens if header is not None else ():
            tpm_tokens.binding_of(token)


@MANY
@given(st.binary(min_size=1, max_size=8), st.integers(0, 0x3FFF))
def test_no_flipped_byte_of_a_luks2_header_goes_unseen(change: bytes, place: int) -> None:
    good = luks2(VALID)
    data = (good[:place] + change + good[place + len(change) :])[:0x4000]
    if data == good or (place >= 480 and place + len(change) <= 512):
        return  # what stands behind the digest in its field is not covered by it
    with contextlib.suppress(ParseError):
        header = luks.read_header(read(data))
        assert header is None or not header.copies[0].valid or data[480:512] != good[480:512]


@MANY
@given(JSON)
def test_any_token(value: Any) -> None:
    body = value if isinstance(value, dict) else {"jwe": value}
    for kind in ("clevis", "systemd-tpm2"):
        assert tpm_tokens.binding_of(Token("0", kind, ("0",), body)) is not None
    details = {"pin": "sss", "sss": value, "tpm2": value}
    assert tpm_tokens.binding_of(Token("0", "clevis", ("0",), {"jwe": jwe({"clevis": details})})) is not None


@MANY
@given(JSON, JSON, st.binary(max_size=80))
def test_any_systemd_token(pcrs: Any, key: Any, blob: bytes) -> None:
    body = {
        "tpm2-blob": base64.b64encode(blob).decode(),
        "tpm2-pcrs": pcrs,
        "tpm2_pubkey": key,
        "tpm2-policy-hash": key,
    }
    assert tpm_tokens.binding_of(Token("0", "systemd-tpm2", ("0",), body)) is not None


@MANY
@given(st.text(alphabet=st.sampled_from('/ab \t\n#\\040",=-:0123456789\r\0') | st.characters(), max_size=400))
def test_any_text(text: str) -> None:
    for parse in (fstab.parse, crypttab.parse, mountinfo.parse, mount_options.split):
        with contextlib.suppress(ParseError):
            assert isinstance(parse(text), list)


@MANY
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.sampled_from(["/", "/a", "/a/b"])), max_size=12))
def test_hidden_ends_for_any_graph(mounts: list[tuple[int, int, str]]) -> None:
    text = "".join(f"{id_} {parent} 8:1 / {target} rw - ext4 /dev/a rw\n" for id_, parent, target in mounts)
    found = mountinfo.hidden(mountinfo.parse(text))
    assert found <= {id_ for id_, _, _ in mounts}


@MANY
@given(st.binary(max_size=600), st.integers(0, 1 << 40), st.sampled_from([512, 4096]))
def test_any_partition_table(data: bytes, size: int, sector: int) -> None:
    disk = bytes(sector) + b"EFI PART" + data
    for image in (disk, data[:446].ljust(446, b"\0") + data[446:510].ljust(64, b"\0") + b"\x55\xaa"):
        with contextlib.suppress(ParseError):
            for entry in partition_table.partitions(read(image), size):
                assert 0 <= entry.offset <= entry.offset + entry.size <= size


@MANY
@given(
    st.lists(st.sampled_from(["nodev", "dev", "user", "exec", "noexec", "ro", "rw", "defaults", "x=1"]), max_size=12)
)
def test_options_never_contradict_each_other(options: list[str]) -> None:
    found = mount_options.effective(options)
    for one, other in (("nodev", "dev"), ("noexec", "exec"), ("ro", "rw")):
        assert not {one, other} <= set(found)
