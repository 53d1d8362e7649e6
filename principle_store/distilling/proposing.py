"""Distils principles from the criteria of many rubrics.

What each criterion wants is embedded, criteria that want the same are put together, a compact set
of the clusters is chosen, and each chosen one becomes a draft, held against the library. A model
restates criteria, joins clusters, writes the drafts and revises them; each of its parts that fails
is done without it, and the draft says so.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from inference.embedding import TextVectors, Vectors
from principle_store.distilling.choice import chosen
from principle_store.distilling.drafts import medoid, scope_of
from principle_store.distilling.groups import SMALLEST, clustered, hdbscan
from principle_store.distilling.library import Shelf
from principle_store.distilling.pool import joined, label_of, typical_first
from principle_store.distilling.trial import Trial
from principle_store.distilling.wording import wish
from principle_store.distilling.words import (
    Cluster,
    Distilled,
    Draft,
    Gathered,
    Merge,
    Proposal,
)
from principle_store.distilling.writer import TOGETHER, DistillingWriter
from principle_store.store import direction
from rubrics.errors import UnreadableReply
from rubrics.glossary import Glossaries
from rubrics.judge import Judge

ASKED = 6  # neighbours of a cluster that a model is shown
NEAR = 0.45  # cosine of two clusters from which on a model is asked whether they are one
REST = "/rest"  # at the end of a cluster's name: what did not belong to another one
LONGEST_ID = 40


class Distiller:
    """Distils.

    Args:
        texts: embeds.
        shelf: the library to compare with.
        glossaries: put criteria in other languages into English.
        writer: the model; None to do without.
        judge: holds drafts against answers, if there is a writer too.
    """

    def __init__(
        self,
        texts: TextVectors,
        shelf: Shelf,
        glossaries: Glossaries,
        writer: DistillingWriter | None = None,
        judge: Judge | None = None,
    ) -> None:
        self._texts, self._shelf, self._glossaries = texts, shelf, glossaries
        self._writer = writer
        self._trial = Trial(judge, writer) if judge and writer else None

    async def distil(self, gathered: Sequence[Gathered], budget: int | None = None) -> Distilled:
        """The principles that these criteria come from.

        Args:
            gathered: the criteria.
            budget: principles at most; None: until a further one adds little.

        Raises:
            Lacking: scikit-learn is not installed.
            ModelUnreachable: nothing answers.
            ModelUnknown: the server does not have the model.
        """
        hdbscan()  # before a model is asked for anything
        wishes = await self._wishes(gathered)
        vectors = await asyncio.to_thread(self._texts.embed, wishes)
        found = await asyncio.to_thread(clustered, gathered, vectors)
        clusters, apart = await self._joined(found.clusters, gathered, vectors)
        standing, drafts = await self._drafts(clusters, apart, gathered, vectors, budget)
        places = chosen(standing, vectors, budget, apart)
        taken = [(standing[place], gain) for place, gain in places]
        work = (
            self._proposal(one, drafts[one.name], gain, gathered, vectors) for one, gain in taken
        )
        held = {place for one in standing for place in one.members}
        names = {one.name for one, _ in taken}
        return Distilled(
            gathered=tuple(gathered),
            proposals=_named(await asyncio.gather(*work)),
            left=tuple(one for one in standing if one.name not in names),
            single=tuple(place for place in range(len(gathered)) if place not in held),
        )

    async def _wishes(self, gathered: Sequence[Gathered]) -> list[str]:
        """What each criterion wants; each text is looked at once."""
        texts = list(dict.fromkeys(one.text for one in gathered))
        parts = [texts[start : start + TOGETHER] for start in range(0, len(texts), TOGETHER)]
        said = await asyncio.gather(*map(self._restated, parts))
        wish_of = dict(zip(texts, (one for part in said for one in part), strict=True))
        return [wish_of[one.text] for one in gathered]

    async def _restated(self, texts: Sequence[str]) -> list[str]:
        if self._writer:
            with suppress(UnreadableReply):
                return await self._writer.restated(texts)
        return [wish(text, self._glossaries) for text in texts]

    async def _joined(
        self, clusters: Sequence[Cluster], gathered: Sequence[Gathered], vectors: Vectors
    ) -> tuple[tuple[Cluster, ...], set[frozenset[str]]]:
        """The clusters, those that a model holds to be one joined; and pairs it has told apart."""
        if not self._writer or len(clusters) < 2:
            return tuple(clusters), set()
        directions = np.stack([direction(vectors[list(one.members)]) for one in clusters])
        likeness = np.triu(directions @ directions.T, 1)
        groups = [[gathered[place] for place in one.members] for one in clusters]
        asked = [
            (place, [int(one) for one in np.argsort(-row)[:ASKED] if row[one] >= NEAR])
            for place, row in enumerate(likeness)
        ]
        found = await asyncio.gather(*(self._same(groups, *one) for one in asked if one[1]))
        told = [pair for pairs in found for pair in pairs]
        apart = {
            frozenset((clusters[first].name, clusters[second].name))
            for first, second, same in told
            if not same
        }
        same = ((first, second) for first, second, same in told if same)
        return joined(clusters, same, vectors), apart

    async def _same(
        self, groups: Sequence[Sequence[Gathered]], place: int, others: Sequence[int]
    ) -> list[tuple[int, int, bool]]:
        """Pairs of places, and whether they are the same; none if the model did not say."""
        assert self._writer is not None
        try:
            same = await self._writer.same(groups[place], [groups[one] for one in others])
        except UnreadableReply:
            return []
        return [(place, other, number in same) for number, other in enumerate(others)]

    async def _drafts(
        self,
        clusters: Sequence[Cluster],
        apart: set[frozenset[str]],
        gathered: Sequence[Gathered],
        vectors: Vectors,
        budget: int | None,
    ) -> tuple[list[Cluster], dict[str, Draft]]:
        """The clusters as they stand then, and drafts of the chosen ones by their names.

        What a model holds to be of another kind than its cluster may be a cluster of its own, and
        the choice is made again; the two are then told `apart`.
        """
        standing = {one.name: one for one in clusters}
        drafts: dict[str, Draft] = {}
        while True:
            ordered = list(standing.values())
            places = chosen(ordered, vectors, budget, apart)
            new = [ordered[place] for place, _ in places if ordered[place].name not in drafts]
            if not new:
                return ordered, drafts
            work = (self._drafted(one, gathered, vectors) for one in new)
            for before, (cluster, draft) in zip(new, await asyncio.gather(*work), strict=True):
                standing[before.name], drafts[before.name] = cluster, draft
                rest = [one for one in before.members if one not in cluster.members]
                if len(rest) >= SMALLEST and not before.name.endswith(REST):
                    name = before.name + REST
                    standing[name] = Cluster(name=name, members=typical_first(rest, vectors))
                    apart.add(frozenset((before.name, name)))

    async def _proposal(
        self,
        cluster: Cluster,
        draft: Draft,
        gain: float,
        gathered: Sequence[Gathered],
        vectors: Vectors,
    ) -> Proposal:
        """The draft, evaluated and held against the library; its id may change."""
        tried = await self._trial.best(draft, cluster, gathered) if self._trial else None
        draft = tried.draft if tried else draft
        return Proposal(
            id=_slug(draft.statement),
            draft=draft,
            cluster=cluster,
            nearest=self._shelf.nearest(cluster.members, gathered, vectors),
            evaluation=tried.evaluation if tried else None,
            gain=gain,
        )

    async def _drafted(
        self, cluster: Cluster, gathered: Sequence[Gathered], vectors: Vectors
    ) -> tuple[Cluster, Draft]:
        note = ""
        if self._writer:
            try:
                written = await self._writer.principle(cluster, gathered)
            except UnreadableReply as error:
                note = str(error)
            else:
                cluster = without(cluster, written.not_of_it, gathered, vectors)
                scope = scope_of([gathered[one] for one in cluster.members])
                return cluster, written.draft.model_copy(update={"scenario": scope})
        english = [self._is_english(gathered[one]) for one in cluster.members]
        draft = medoid(cluster, gathered, english)
        noted = "; ".join(filter(None, (note, draft.note)))
        return cluster, draft.model_copy(update={"note": noted})

    def _is_english(self, one: Gathered) -> bool:
        return self._glossaries.language(one.text) == "en"


def without(
    cluster: Cluster, gone: Sequence[int], gathered: Sequence[Gathered], vectors: Vectors
) -> Cluster:
    """The cluster without members of another kind; whole if next to nothing would be left."""
    kept = [one for one in cluster.members if one not in gone]
    if len(kept) < SMALLEST or len(kept) == len(cluster.members):
        return cluster
    told = tuple(label_of(gathered[one]) for one in gone)
    merges = (*cluster.merges, Merge(what="left_out", into=cluster.name, joined=told))
    return Cluster(name=cluster.name, members=typical_first(kept, vectors), merges=merges)


def _named(proposals: Sequence[Proposal]) -> tuple[Proposal, ...]:
    """The proposals with ids of which each stands once."""
    seen: Counter[str] = Counter()
    named = []
    for one in proposals:
        seen[one.id] += 1
        ending = f"-{seen[one.id]}" if seen[one.id] > 1 else ""
        named.append(
            one.model_copy(update={"id": one.id[: LONGEST_ID - len(ending)].rstrip("-") + ending})
        )
    return tuple(named)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold())[:LONGEST_ID].strip("-") or "unnamed"
