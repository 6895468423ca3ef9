"""An archive as a target: an OCI layout (folder or tar), a docker archive, or a tar of a root tree."""

from __future__ import annotations

from pathlib import Path

from scanner.model.errors import InputError
from scanner.target.archives import oci
from scanner.target.archives.layers import LayeredTree
from scanner.target.base import BlockDevice, FileTree, Target
from scanner.target.layouts.base import is_root
from scanner.target.tree import DirectoryTree

__all__ = ["ArchiveTarget"]


class ArchiveTarget(Target):
    """The archive at `path`: a folder, or a file whose tar stream is `stream`.

    `platform` chooses an image of an index (linux/arm64, or arm64).
    """

    kind = "archive"

    def __init__(self, path: Path, stream: BlockDevice | None, *, platform: str | None = None) -> None:
        self._folder = DirectoryTree(path) if stream is None else None
        outer: FileTree = self._folder if self._folder is not None else LayeredTree([stream] if stream else [])
        self.inside: oci.ImageInside | None = None
        if oci.is_oci_layout(outer):
            self.inside, self._format = oci.open_oci(outer, platform), "oci"
        elif oci.is_docker_archive(outer):
            self.inside, self._format = oci.open_docker(outer), "docker"
        elif is_root(outer):
            self._format = "tar"
        else:
            self.close()
            raise InputError("neither an OCI layout, a docker archive nor a tar of a root tree", where=str(path))
        self.tree = self.inside.tree if self.inside is not None else outer
        self.digest = self.inside.digest if self.inside is not None else None

    def layout(self) -> dict[str, object]:
        """See Target."""
        found: dict[str, object] = {"layout": self._format, "notes": list(self.tree.notes)}
        if self.inside is not None:
            found |= {
                "platform": self.inside.platform,
                "layers": list(self.inside.layers),
                "labels": dict(sorted(self.inside.labels.items())),
            }
        return found

    def close(self) -> None:
        """See Target."""
        if self._folder is not None:
            self._folder.close()
