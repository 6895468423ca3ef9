"""Who has a file: the item that lists it, or that has the folder it lies in."""

from __future__ import annotations

from collections.abc import Iterable

from scanner.supply_chain.making.inventory import Item, file_key

__all__ = ["Holders"]


class Holders:
    """Keys of items by what they claim; packages of the system come first, whatever the order of the items."""

    def __init__(self, system: Iterable[Item], others: Iterable[Item]) -> None:
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        for item in [*system, *others]:
            for file in item.files:
                self._files.setdefault(file.path, item.key)
            for folder in item.folders:
                self._folders.setdefault(folder, item.key)

    def of(self, path: str) -> str:
        """The key of who has the file at canonical `path`; the key of the file itself when nobody does."""
        found = self._files.get(path)
        folder = path.rpartition("/")[0]
        while found is None and folder:
            found = self._folders.get(folder)
            folder = folder.rpartition("/")[0]
        return file_key(path) if found is None else found
