"""Partition types that belong together: a file system, its verity hashes and the signature of their root hash.

Source: UAPI Discoverable Partitions Specification, section "Defined Partition Type UUIDs".
"""

from __future__ import annotations

from scanner.model.records import dataclass

__all__ = ["VerityRole", "verity_role"]


@dataclass(frozen=True, slots=True)
class VerityRole:
    """What a partition type is in a set. `kind`: root or usr; `part`: data, hash or signature."""

    kind: str
    architecture: str
    part: str


_TYPES = """
44479540-f297-41b2-9af7-d131d5f0458a root x86 data
d13c5d3b-b5d1-422a-b29f-9454fdc89d76 root x86 hash
5996fc05-109c-48de-808b-23fa0830b676 root x86 signature
4f68bce3-e8cd-4db1-96e7-fbcaf984b709 root x86-64 data
2c7357ed-ebd2-46d9-aec1-23d437ec2bf5 root x86-64 hash
41092b05-9fc8-4523-994f-2def0408b176 root x86-64 signature
69dad710-2ce4-4e3c-b16c-21a1d49abed3 root arm data
7386cdf2-203c-47a9-a498-f2ecce45a2d6 root arm hash
42b0455f-eb11-491d-98d3-56145ba9d037 root arm signature
b921b045-1df0-41c3-af44-4c6f280d3fae root arm64 data
df3300ce-d69f-4c92-978c-9bfb0f38d820 root arm64 hash
6db69de6-29f4-4758-a7a5-962190f00ce3 root arm64 signature
77055800-792c-4f94-b39a-98c91b762bb6 root loongarch64 data
f3393b22-e9af-4613-a948-9d3bfbd0c535 root loongarch64 hash
5afb67eb-ecc8-4f85-ae8e-ac1e7c50e7d0 root loongarch64 signature
c31c45e6-3f39-412e-80fb-4809c4980599 root ppc64-le data
906bd944-4589-4aae-a4e4-dd983917446a root ppc64-le hash
d4a236e7-e873-4c07-bf1d-bf6cf7f1c3c6 root ppc64-le signature
72ec70a6-cf74-40e6-bd49-4bda08e8f224 root riscv64 data
b6ed5582-440b-4209-b8da-5ff7c419ea3d root riscv64 hash
efe0f087-ea8d-4469-821a-4c2a96a8386a root riscv64 signature
5eead9a9-fe09-4a1e-a1d7-520d00531306 root s390x data
b325bfbe-c7be-4ab8-8357-139e652d2f6b root s390x hash
c80187a5-73a3-491a-901a-017c3fa953e9 root s390x signature
75250d76-8cc6-458e-bd66-bd47cc81a812 usr x86 data
8f461b0d-14ee-4e81-9aa9-049b6fb97abd usr x86 hash
974a71c0-de41-43c3-be5d-5c5ccd1ad2c0 usr x86 signature
8484680c-9521-48c6-9c11-b0720656f69e usr x86-64 data
77ff5f63-e7b6-4633-acf4-1565b864c0e6 usr x86-64 hash
e7bb33fb-06cf-4e81-8273-e543b413e2e2 usr x86-64 signature
7d0359a3-02b3-4f0a-865c-654403e70625 usr arm data
c215d751-7bcd-4649-be90-6627490a4c05 usr arm hash
d7ff812f-37d1-4902-a810-d76ba57b975a usr arm signature
b0e01050-ee5f-4390-949a-9101b17104e9 usr arm64 data
6e11a4e7-fbca-4ded-b9e9-e1a512bb664e usr arm64 hash
c23ce4ff-44bd-4b00-b2d4-b41b3419e02a usr arm64 signature
e611c702-575c-4cbe-9a46-434fa0bf7e3f usr loongarch64 data
f46b2c26-59ae-48f0-9106-c50ed47f673d usr loongarch64 hash
b024f315-d330-444c-8461-44bbde524e99 usr loongarch64 signature
15bb03af-77e7-4d4a-b12b-c0d084f7491c usr ppc64-le data
ee2b9983-21e8-4153-86d9-b6901a54d1ce usr ppc64-le hash
c8bfbd1e-268e-4521-8bba-bf314c399557 usr ppc64-le signature
beaec34b-8442-439b-a40b-984381ed097d usr riscv64 data
8f1056be-9b05-47c4-81d6-be53128e5b54 usr riscv64 hash
d2f9000a-7a18-453f-b5cd-4d32f77a7b32 usr riscv64 signature
8a4f5770-50aa-4ed3-874a-99b710db6fea usr s390x data
31741cc4-1a2a-4111-a581-e00b447d2d06 usr s390x hash
3f324816-667b-46ae-86ee-9b0c0c6c11b4 usr s390x signature
"""
_ROLES = {type_uuid: VerityRole(*words) for type_uuid, *words in map(str.split, _TYPES.strip().split("\n"))}


def verity_role(type_uuid: str | None) -> VerityRole | None:
    """What a partition of that type GUID (lower case) is in a verity set; None for every other type."""
    return _ROLES.get(type_uuid or "")
