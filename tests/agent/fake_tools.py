"""A fake of the tools whose judge says what a test wants; no server, no search, no time."""

from collections.abc import Iterable, Sequence
from typing import Any

from inference.messages import Conversation
from mcp_server.client import HealthTools
from mcp_server.results import FoundPrinciple, Principles, ScoredAnswer
from principle_store.types import Guidance, LibraryStamp, Source
from rubrics.scoring import outcome
from rubrics.types import Criterion, Label, Rubric, Score, Verdict

STAMP = LibraryStamp(version="0", hash="0" * 64)
LETTERS = {"M": "MET", "U": "UNMET", "A": "ABSTAIN", "E": "ERROR"}
SOURCE = Source(organisation="us", title="test", year=2026, url="https://example.org")


class FakeTools(HealthTools):
    """One principle with these criteria; each answer is judged by the next of the rounds.

    Args:
        criteria: of the one principle, and so of the rubric.
        rounds: a letter a criterion, M met, U unmet, A abstain, E error; the last one for ever.
        labels: of the scenario.
        raised: ids of principles for emergencies.
    """

    def __init__(
        self,
        criteria: Sequence[Criterion],
        rounds: Iterable[str],
        labels: dict[str, Label] | None = None,
        raised: Sequence[str] = (),
    ) -> None:
        self.criteria, self.rounds = tuple(criteria), list(rounds)
        self.labels, self.raised = labels or {}, tuple(raised)
        self.judged: list[str] = []

    async def get_health_principles(
        self, conversation: Conversation, k: int = 8, labels: Any = None
    ) -> Principles:
        found = FoundPrinciple(
            id="one",
            statement="Do what is right.",
            score=1.0,
            on_topic=True,
            why="",
            guidance=(Guidance(do="Say it plainly."),),
            criteria=self.criteria,
            sources=(SOURCE,),
            status="drafted",
        )
        return Principles(
            scenario=self.labels,
            language="en",
            principles=(found,),
            raised=self.raised,
            library=STAMP,
        )

    async def score_against_rubric(
        self,
        conversation: Conversation,
        answer: str,
        rubric: Rubric | None = None,
        principle_ids: Sequence[str] = (),
        told: Any = None,
    ) -> ScoredAnswer:
        assert rubric is not None
        self.judged.append(answer)
        letters = self.rounds.pop(0) if len(self.rounds) > 1 else self.rounds[0]
        verdicts = tuple(
            Verdict.model_validate(
                {"criterion_id": one.id, "verdict": LETTERS[letter], "quote": answer[:20]}
            )
            for one, letter in zip(rubric.criteria, letters, strict=False)
        )
        found = outcome(rubric, verdicts)
        return ScoredAnswer(
            status="complete" if isinstance(found, Score) else "ungraded",
            score=found if isinstance(found, Score) else None,
            reason="" if isinstance(found, Score) else found.reason,
            rubric=rubric.criteria,
            verdicts=verdicts,
            judge="scripted judge",
            judge_agreement="a fake",
            library=STAMP,
        )


def criterion(id: str, points: float, critical: bool = False, **more: Any) -> Criterion:
    return Criterion(
        id=id,
        criterion=f"Says {id}",
        points=points,
        critical=critical,
        principle_ids=("one",),
        **more,
    )
