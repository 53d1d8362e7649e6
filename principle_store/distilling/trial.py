"""Holds a draft against the verdicts that its members were given on answers, and has it revised.

A draft's first criterion stands for members with positive points, its criteria with negative points
for the others. The best draft is kept: a revision that agrees less is passed over.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from principle_store.distilling.prompt import Difference
from principle_store.distilling.words import Cluster, Draft, Evaluation, Gathered, Shown
from principle_store.distilling.writer import DistillingWriter
from rubrics.errors import UnreadableReply
from rubrics.judge import Judge
from rubrics.types import Criterion, Rubric, Verdict

MOST_COMPARED = 12  # answers of one draft: each costs a judgement in every round
ENOUGH = 0.9  # agreement from which on nothing is revised
ROUNDS = 2  # revisions at most
MOST_SHOWN = 4  # differences in one prompt
LONGEST = 3000  # characters of an answer in a prompt


@dataclass(frozen=True)
class Case:
    """What a person said of a member on an answer."""

    member: Gathered
    shown: Shown


@dataclass(frozen=True)
class Tried:
    draft: Draft
    evaluation: Evaluation
    differences: tuple[Difference, ...] = ()


class Trial:
    """Evaluates and revises drafts.

    Args:
        judge: judges the answers anew.
        writer: revises.
    """

    def __init__(self, judge: Judge, writer: DistillingWriter) -> None:
        self._judge, self._writer = judge, writer

    async def best(
        self, draft: Draft, cluster: Cluster, gathered: Sequence[Gathered]
    ) -> Tried | None:
        """The draft or its best revision with its evaluation; None where no answers are at hand.

        Raises:
            ModelUnreachable: nothing answers.
            ModelUnknown: the server does not have the model.
        """
        cases = cases_of(cluster, gathered)
        if not cases:
            return None
        best = latest = await self._tried(draft, cases)
        first, rounds, note = best.evaluation.agreement, 0, ""
        while rounds < ROUNDS and (best.evaluation.agreement or 0) < ENOUGH and latest.differences:
            rounds += 1
            try:
                revised = await self._writer.revised(
                    latest.draft, cluster, gathered, latest.differences[:MOST_SHOWN]
                )
            except UnreadableReply as error:
                note = f"not revised ({error})"
                break
            revised = revised.model_copy(update={"scenario": draft.scenario})
            latest = await self._tried(revised, cases)
            if (latest.evaluation.agreement or 0) > (best.evaluation.agreement or 0):
                best = latest
        told = {"first": first, "rounds": rounds}
        evaluation = best.evaluation.model_copy(update=told)
        noted = {"note": "; ".join(filter(None, (best.draft.note, note)))}
        return Tried(best.draft.model_copy(update=noted), evaluation)

    async def _tried(self, draft: Draft, cases: Sequence[Case]) -> Tried:
        rubric = as_rubric(draft)
        judged = await asyncio.gather(*(self._verdicts(rubric, case.shown) for case in cases))
        met = [
            met_like(case.member, rubric, verdicts)
            for case, verdicts in zip(cases, judged, strict=True)
        ]
        pairs = [(case, said) for case, said in zip(cases, met, strict=True) if said is not None]
        agreed = sum(case.shown.met == said for case, said in pairs)
        evaluation = Evaluation(
            agreement=round(agreed / len(pairs), 3) if pairs else None,
            compared=len(pairs),
            left_open=len(cases) - len(pairs),
            judge=self._judge.name,
        )
        different = (case for case, said in pairs if case.shown.met != said)
        return Tried(draft, evaluation, tuple(map(_difference, different)))

    async def _verdicts(self, rubric: Rubric, shown: Shown) -> tuple[Verdict, ...]:
        return await self._judge.verdicts(shown.conversation, shown.answer, rubric)


def cases_of(cluster: Cluster, gathered: Sequence[Gathered]) -> list[Case]:
    """Answers with verdicts of the members; met and unmet by turns while there are both."""
    found = [Case(gathered[one], shown) for one in cluster.members for shown in gathered[one].shown]
    met = [case for case in found if case.shown.met]
    unmet = [case for case in found if not case.shown.met]
    paired = [case for pair in zip(met, unmet, strict=False) for case in pair]
    both = min(len(met), len(unmet))
    return [*paired, *met[both:], *unmet[both:]][:MOST_COMPARED]


def as_rubric(draft: Draft) -> Rubric:
    return Rubric(
        criteria=tuple(
            Criterion(id=f"c{number}", criterion=one.criterion, points=one.points)
            for number, one in enumerate(draft.criteria, start=1)
        )
    )


def met_like(member: Gathered, rubric: Rubric, verdicts: Sequence[Verdict]) -> bool | None:
    """Whether the member counts as met by the draft's verdicts; None where they do not tell."""
    pairs = list(zip(rubric.criteria, verdicts, strict=True))
    good = [verdict.verdict for one, verdict in pairs if one.points > 0][:1]
    harm = [verdict.verdict for one, verdict in pairs if one.points < 0]
    own, other = (good, harm) if member.points > 0 else (harm, good)
    if "MET" in own:
        return True
    if own:
        return False if all(one == "UNMET" for one in own) else None
    return False if "MET" in other else None


def _difference(case: Case) -> Difference:
    return Difference(
        criterion=case.member.text, met=case.shown.met, answer=case.shown.answer[:LONGEST]
    )
