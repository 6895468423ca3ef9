"""Relations of two documents compared by what the components are, and how far each is from the subject.

Nodes are pairs of components, so that a relation stays the same when a version changes. Relations that came or went
together with the component that has them are counted, not listed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scanner.supply_chain.comparing.components import title
from scanner.supply_chain.comparing.matching import Matching
from scanner.supply_chain.comparing.pairing import content_of
from scanner.supply_chain.comparing.result import Change
from scanner.supply_chain.identity import ecosystem, identity
from scanner.supply_chain.model import Bom

__all__ = ["Graph", "Nodes", "nodes_of", "relation_changes"]

DEPENDS = "depends_on"

MAX_VIA = 8
"""Components named on the way from the subject."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """The node of each component, by index: pairs come first, then what was removed, then what was added. Copies that
    cannot be told apart share a node (`shared`: there are such). `pairs`, `total`: nodes on both sides, and in all."""

    old: Sequence[int]
    new: Sequence[int]
    pairs: int
    total: int
    shared: bool


def nodes_of(old: Bom, new: Bom, matching: Matching) -> Nodes:
    """Number the components of both sides."""
    left, right = [0] * len(old.components), [0] * len(new.components)
    seen: dict[object, int] = {}
    shared = False
    for number, pair in enumerate(matching.pairs):
        node = number
        if number in matching.twins:
            one, two = old.components[pair.old], new.components[pair.new]
            node = seen.setdefault((content_of(one), content_of(two)), number)
            shared = shared or node != number
        left[pair.old] = right[pair.new] = node
    following = len(matching.pairs)
    for side, lone in ((left, matching.removed), (right, matching.added)):
        for index in lone:
            side[index] = following
            following += 1
    return Nodes(left, right, len(matching.pairs), following, shared)


class Graph:
    """The relations of one document between nodes.

    `subjects`: indexes of what it describes. `foreign`: relations that name something that is no component; `named`: by
    index, 1 for components that a relation names.
    """

    def __init__(self, bom: Bom, own: Sequence[int], nodes: Nodes) -> None:
        self.bom = bom
        self.nodes = own
        self.foreign = 0
        self.named = bytearray(len(bom.components))
        index = {component.ref: number for number, component in enumerate(bom.components)}
        self.subjects = _subjects(bom, index)
        self._is_subject = frozenset(self.subjects).__contains__
        # Sources and targets as two lists of the same few numbers: a tenth of the memory of pairs.
        edges: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        named, get = self.named, index.get
        for relation in bom.relations:
            source, target = get(relation.source), get(relation.target)
            if source is None or target is None:
                self.foreign += 1
                continue
            named[source] = named[target] = 1
            sources, targets = edges[relation.kind]
            sources.append(source)
            targets.append(target)
        self._edges: Mapping[str, tuple[list[int], list[int]]] = edges
        self._total = nodes.total
        self._shared = nodes.shared
        self._parents: list[int] | None = None

    def kinds(self) -> set[str]:
        """Kinds of relation there are."""
        return set(self._edges)

    def between_nodes(self, kind: str) -> Counter[int] | set[int]:
        """The relations of a kind as numbers: source node times the number of nodes, plus target node. Counted when
        copies share a node: there may be several then."""
        nodes, total = self.nodes, self._total
        if kind not in self._edges:
            return Counter() if self._shared else set()
        edges = zip(*self._edges[kind], strict=True)
        if self._shared:
            return Counter(nodes[source] * total + nodes[target] for source, target in set(edges))
        return {nodes[source] * total + nodes[target] for source, target in edges}

    def reach(self, index: int) -> str:
        """subject, direct (the subject depends on it), transitive, or unknown (no dependency leads to it)."""
        if self._is_subject(index):
            return "subject"
        parent = self._tree()[index]
        return "unknown" if parent < 0 else "direct" if self._is_subject(parent) else "transitive"

    def via(self, index: int) -> tuple[str, ...]:
        """What stands on a shortest way from the subject to the component, both left out."""
        parents = self._tree()
        found: list[str] = []
        index = parents[index]
        while index >= 0 and not self._is_subject(index) and len(found) < MAX_VIA:
            found.append(title(self.bom.components[index]))
            index = parents[index]
        return tuple(reversed(found))

    def _tree(self) -> list[int]:
        """For each component the one before it on a shortest way from the subject; -1 where none leads."""
        if self._parents is not None:
            return self._parents
        parents = self._parents = [-1] * len(self.bom.components)
        if not self.subjects or DEPENDS not in self._edges:
            return parents
        targets: list[list[int]] = [[] for _ in parents]
        for source, target in zip(*self._edges[DEPENDS], strict=True):
            targets[source].append(target)
        depths = [0] * len(parents)
        level, depth = list(self.subjects), 0
        while level:
            depth += 1
            following = []
            for source in level:
                for target in targets[source]:
                    if parents[target] < 0:
                        if not self._is_subject(target):
                            parents[target], depths[target] = source, depth
                            following.append(target)
                    elif depths[target] == depth and self._before(source, parents[target]):
                        # Of several shortest ways always the same one, whatever the order in the document.
                        parents[target] = source
            level = following
        return parents

    def _before(self, one: int, two: int) -> bool:
        left, right = self.bom.components[one], self.bom.components[two]
        return (left.purl or left.name, left.ref) < (right.purl or right.name, right.ref)


def relation_changes(old: Graph, new: Graph, nodes: Nodes) -> tuple[list[Change], int]:
    """Relations that came or went at components that are on both sides; and how many came or went with one that is
    not."""
    changes: list[Change] = []
    implied = 0
    for kind in sorted(old.kinds() | new.kinds()):
        before, after = old.between_nodes(kind), new.between_nodes(kind)
        gone, come = _beyond(before, after, nodes), _beyond(after, before, nodes)
        for word, graph, edges in (("relation_removed", old, gone), ("relation_added", new, come)):
            implied += sum(count for (source, _), count in edges.items() if source >= nodes.pairs)
            wanted = {edge: count for edge, count in edges.items() if edge[0] < nodes.pairs}
            where = _where(graph, wanted) if wanted else {}
            changes += [
                _change(word, kind, graph, where[source], where[target])
                for (source, target), count in wanted.items()
                for _ in range(count)
            ]
    return changes, implied


def _subjects(bom: Bom, index: Mapping[str, int]) -> tuple[int, ...]:
    """What the document describes, and its copies with the same package URL: some tools list it among the components,
    and hang its dependencies there."""
    first = index.get(bom.subject) if bom.subject is not None else None
    if first is None:
        return ()
    purl = bom.components[first].purl
    if purl is None:
        return (first,)
    return (first, *(number for number, one in enumerate(bom.components) if one.purl == purl and number != first))


Edges = dict[tuple[int, int], int]
"""Source and target node, and how many relations there are between them (several only between copies)."""


def _beyond(one: Counter[int] | set[int], two: Counter[int] | set[int], nodes: Nodes) -> Edges:
    """What the first has and the second does not."""
    if isinstance(one, Counter) and isinstance(two, Counter):
        return {divmod(edge, nodes.total): count for edge, count in (one - two).items()}
    return {divmod(edge, nodes.total): 1 for edge in set(one) - set(two)}


def _where(graph: Graph, edges: Iterable[tuple[int, int]]) -> dict[int, int]:
    """A component for each node that is wanted."""
    wanted = {node for edge in edges for node in edge}
    return {node: index for index, node in enumerate(graph.nodes) if node in wanted}


def _change(word: str, kind: str, graph: Graph, source: int, target: int) -> Change:
    one, two = graph.bom.components[source], graph.bom.components[target]
    gone = word == "relation_removed"
    text = f"{kind} {title(two)}"
    return Change(
        word,
        identity(one),
        one.name,
        before=text if gone else "",
        after="" if gone else text,
        facts={
            "ecosystem": ecosystem(one),
            "type": one.type,
            "relation": kind,
            "reach": graph.reach(source),
            "target": identity(two),
        },
        old=one.ref if gone else "",
        new="" if gone else one.ref,
        old_place=one.place if gone else "",
        new_place="" if gone else one.place,
    )
