"""Loading a software bill of materials: `open_bom(data, where)` finds the format by content, one module a format."""

from scanner.supply_chain.loading.base import Loader, Source
from scanner.supply_chain.loading.opening import from_predicate, loaders, open_bom

__all__ = ["Loader", "Source", "from_predicate", "loaders", "open_bom"]
