"""How far principles cover what rubrics want, by scenario. Figures alone; others show them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.embedding import TextVectors
from inference.words import Word
from principle_store.distilling.file import CellCount, ProposedFile
from principle_store.distilling.groups import clustered
from principle_store.distilling.wording import wish
from principle_store.distilling.words import CELL, Cluster, Gathered
from principle_store.types import Library
from rubrics.glossary import Glossaries
from rubrics.taxonomy import Taxonomy

NEAR = 0.6  # cosine from which on a criterion counts as covered; that of a principle refined


class Row(Word):
    """A principle in a report."""

    id: str
    statement: str
    support: int | None
    """Criteria; None where no rubrics were given."""
    relation: str = ""
    agreement: float | None = None


class Gap(Word):
    """Criteria that no principle covers."""

    most_typical: str
    size: int


class Cell(Word):
    """One scenario: how many principles apply to it, how many of its criteria they cover."""

    criteria: int = 0
    covered: int = 0
    principles: int = 0


class Coverage(Word):
    of: str
    rows: tuple[Row, ...]
    gaps: tuple[Gap, ...] = ()
    single: int = 0
    """Uncovered criteria that stand alone."""
    cells: tuple[CellCount, ...] = ()
    scopes: tuple[dict[str, Any], ...] = ()
    """The scenarios that the principles apply to."""

    @property
    def criteria(self) -> int:
        return sum(one.criteria for one in self.cells)

    @property
    def covered(self) -> int:
        return sum(one.covered for one in self.cells)

    def grid(self, taxonomy: Taxonomy, down: str, across: str) -> "Grid":
        """Two dimensions beside each other; what has no value comes last, if there is any."""
        values = {name: [*taxonomy[name].values] for name in (down, across)}
        for name, known in values.items():
            if any(not getattr(one, name) for one in self.cells):
                known.append("")
        cells = {
            (row, column): self._cell({down: row, across: column})
            for row in values[down]
            for column in values[across]
        }
        return Grid(down, across, tuple(values[down]), tuple(values[across]), cells)

    def _cell(self, wanted: Mapping[str, str]) -> Cell:
        counts = [
            one
            for one in self.cells
            if all(getattr(one, name) == value for name, value in wanted.items())
        ]
        return Cell(
            criteria=sum(one.criteria for one in counts),
            covered=sum(one.covered for one in counts),
            principles=sum(_applies(scope, wanted) for scope in self.scopes),
        )


@dataclass(frozen=True)
class Grid:
    down: str
    across: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]


@dataclass(frozen=True)
class Known:
    """Principles, and the texts that stand for each."""

    of: str
    rows: tuple[Row, ...]
    scopes: tuple[dict[str, Any], ...]
    texts: tuple[tuple[str, ...], ...]


def known_library(library: Library) -> Known:
    principles = library.principles
    return Known(
        of=f"principles of library {library.version}",
        rows=tuple(Row(id=one.id, statement=one.statement, support=None) for one in principles),
        scopes=tuple(dict(one.scenario) for one in principles),
        texts=tuple(
            (one.statement, *(row.criterion for row in one.criteria)) for one in principles
        ),
    )


def known_proposals(file: ProposedFile) -> Known:
    return Known(
        of=f"principles distilled from {file.made.rubrics}",
        rows=tuple(_row(one) for one in file.principles),
        scopes=tuple(one.scenario for one in file.principles),
        texts=tuple(
            (one.statement, *(link.criterion for link in one.distilled.links))
            for one in file.principles
        ),
    )


def as_proposed(file: ProposedFile) -> Coverage:
    """The coverage of the rubrics that the proposals were distilled from."""
    known = known_proposals(file)
    return Coverage(
        of=known.of,
        rows=known.rows,
        gaps=tuple(
            Gap(most_typical=one.most_typical, size=len(one.links)) for one in file.uncovered
        ),
        single=len(file.single),
        cells=file.cells,
        scopes=known.scopes,
    )


def without_rubrics(known: Known) -> Coverage:
    return Coverage(of=known.of, rows=known.rows, scopes=known.scopes)


def of_rubrics(
    known: Known, gathered: Sequence[Gathered], texts: TextVectors, glossaries: Glossaries
) -> Coverage:
    """How far the principles cover these criteria: those that name one, or are near to one.

    Raises:
        Lacking: scikit-learn is not installed.
    """
    wishes = [wish(one.text, glossaries) for one in gathered]
    vectors = texts.embed(wishes)
    owners = [place for place, said in enumerate(known.texts) for _ in said]
    said = [wish(text, glossaries) for one in known.texts for text in one]
    likeness = vectors @ texts.embed(said).T if said else np.zeros((len(gathered), 0))
    places = {row.id: place for place, row in enumerate(known.rows)}
    owner = [_owner(one, places, row, owners) for one, row in zip(gathered, likeness, strict=True)]
    open_places = [place for place, its in enumerate(owner) if its is None]
    left = [gathered[place] for place in open_places]
    found = clustered(left, vectors[open_places])
    support = Counter(its for its in owner if its is not None)
    return Coverage(
        of=known.of,
        rows=tuple(
            row.model_copy(update={"support": support[place]})
            for place, row in enumerate(known.rows)
        ),
        gaps=tuple(_gap(one, left) for one in found.clusters),
        single=len(found.single),
        cells=tuple(_counted(gathered, owner)),
        scopes=known.scopes,
    )


def _owner(
    one: Gathered, places: Mapping[str, int], likeness: Any, owners: Sequence[int]
) -> int | None:
    """The place of the principle that covers a criterion."""
    named = next((places[id] for id in one.principle_ids if id in places), None)
    if named is not None or not owners:
        return named
    best = int(np.argmax(likeness))
    return owners[best] if likeness[best] >= NEAR else None


def _counted(gathered: Sequence[Gathered], owner: Iterable[int | None]) -> list[CellCount]:
    every, covered = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for one, its in zip(gathered, owner, strict=True):
        every[one.cell] += 1
        covered[one.cell] += its is not None
    return [
        CellCount(**dict(zip(CELL, cell, strict=True)), criteria=count, covered=covered[cell])
        for cell, count in sorted(every.items())
    ]


def _gap(one: Cluster, gathered: Sequence[Gathered]) -> Gap:
    return Gap(most_typical=gathered[one.members[0]].text, size=len(one.members))


def _row(one: Any) -> Row:
    basis = one.distilled
    evaluation = basis.evaluation
    return Row(
        id=one.id,
        statement=one.statement,
        support=basis.support,
        relation=basis.nearest.relation,
        agreement=None if isinstance(evaluation, str) else evaluation.agreement,
    )


def _applies(scope: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    return all(
        scope.get(name, "any") == "any" or value in scope[name] for name, value in wanted.items()
    )
