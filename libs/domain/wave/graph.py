"""Who depends on whom in a wave. Decoded once for each roster and remembered; a decision looks only at those concerned."""

from collections.abc import Iterator
from functools import cached_property, lru_cache

from libs.contracts.avro import decode_value, encode_value
from libs.contracts.wave.plan import Member, Roster

Pages = tuple[bytes, ...]


class Graph:
    """Members by their number, which is the order in which they were first added.

    A dependency outside the wave is one of a wave that comes before it, and met once that is completed.
    """

    def __init__(self, ids: list[str], index: dict[str, int], named: list[tuple[str, ...]]) -> None:
        self.ids, self.index, self.named = ids, index, named

    def plus(self, roster: Roster) -> "Graph":
        """The graph with a page more."""
        ids, index, named = self.ids.copy(), self.index.copy(), self.named.copy()
        for member in roster.members:
            number = index.setdefault(member.migration, len(ids))
            if number == len(ids):
                ids.append(member.migration)
                named.append(member.depends_on)
            else:
                named[number] = member.depends_on
        return Graph(ids, index, named)

    @cached_property
    def depends(self) -> list[tuple[int, ...]]:
        """For each member the members that it depends on."""
        index = self.index
        return [tuple(index[id_] for id_ in dict.fromkeys(named) if id_ in index) for named in self.named]

    @cached_property
    def dependents(self) -> list[list[int]]:
        """For each member the members that depend on it."""
        found: list[list[int]] = [[] for _ in self.ids]
        for number, depends in enumerate(self.depends):
            for other in depends:
                found[other].append(number)
        return found

    def outside(self) -> Iterator[tuple[str, str]]:
        """Members and dependencies of theirs that are no members."""
        for id_, named in zip(self.ids, self.named, strict=True):
            yield from ((id_, other) for other in named if other not in self.index)

    @cached_property
    def cycle(self) -> list[str]:
        """Members of which each depends on the next, and the last on the first; empty when there is no such ring."""
        left = [len(depends) for depends in self.depends]
        free = [number for number, count in enumerate(left) if not count]
        for number in free:
            for other in self.dependents[number]:
                left[other] -= 1
                if not left[other]:
                    free.append(other)
        if len(free) == len(self.ids):
            return []
        # Whatever is left depends on something that is left: following that comes back to where it was before.
        at = next(number for number, count in enumerate(left) if count)
        path: dict[int, int] = {}
        while at not in path:
            path[at] = len(path)
            at = next(other for other in self.depends[at] if left[other])
        return [self.ids[number] for number in list(path)[path[at] :]]

    def levels(self) -> list[list[str]]:
        """Members in the order in which they can begin: each level depends only on those before. Only without a cycle."""
        depth = [0] * len(self.ids)
        left = [len(depends) for depends in self.depends]
        free = [number for number, count in enumerate(left) if not count]
        for number in free:
            for other in self.dependents[number]:
                depth[other] = max(depth[other], depth[number] + 1)
                left[other] -= 1
                if not left[other]:
                    free.append(other)
        found: list[list[str]] = [[] for _ in range(max(depth, default=-1) + 1)]
        for number, level in enumerate(depth):
            found[level].append(self.ids[number])
        return found

    def waiting_for(self, number: int) -> set[int]:
        """Every member that depends on one, directly or through others."""
        found: set[int] = set()
        open_ = [number]
        while open_:
            for other in self.dependents[open_.pop()]:
                if other not in found:
                    found.add(other)
                    open_.append(other)
        return found


@lru_cache(maxsize=64)
def graph_of(pages: Pages) -> Graph:
    """The graph of a roster. A page more costs a copy of what is known already."""
    if not pages:
        return Graph([], {}, [])
    return graph_of(pages[:-1]).plus(decode_value(Roster, pages[-1]))


def whole(graph: Graph) -> bytes:
    """All members of a graph as one page: what was said of them before is left out."""
    return page_of(tuple(Member(migration=id_, depends_on=named) for id_, named in zip(graph.ids, graph.named, strict=True)))


def page_of(members: tuple[Member, ...]) -> bytes:
    """Members as a state holds them."""
    return encode_value(Roster(members=members))
