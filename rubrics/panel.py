"""Several judges, or one asked several times: their votes become one verdict a criterion."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from inference.messages import Conversation
from rubrics.judge import Heard, Judge, unheard
from rubrics.passport import Passport
from rubrics.types import Rubric, Verdict

Rule = Literal["majority", "mean"]
DECIDED = ("MET", "UNMET", "NOT_APPLICABLE")


class Panel:
    """Votes of judges.

    With `majority` the verdict that most gave; with `mean` MET from a mean probability above one
    half. Votes without a decision do not count; an even split is ABSTAIN.
    """

    def __init__(
        self, judges: Sequence[Judge], rule: Rule = "majority", passport: Passport | None = None
    ) -> None:
        self._judges, self._rule, self._passport = tuple(judges), rule, passport

    @property
    def name(self) -> str:
        votes = Counter(one.name for one in self._judges)
        listed = ", ".join(f"{times} x {name}" for name, times in votes.items())
        return f"panel of {len(self._judges)} votes ({listed}; {self._rule})"

    @property
    def fingerprint(self) -> str:
        return f"{self._rule} of " + " + ".join(one.fingerprint for one in self._judges)

    @property
    def agreement(self) -> str:
        if self._passport:
            return str(self._passport)
        return "; ".join(dict.fromkeys(f"{one.name}: {one.agreement}" for one in self._judges))

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric, heard: Heard = unheard
    ) -> tuple[Verdict, ...]:
        by_judge = await asyncio.gather(
            *(one.verdicts(conversation, answer, rubric) for one in self._judges)
        )
        merged = tuple(_merged(votes, self._rule) for votes in zip(*by_judge, strict=True))
        for one in merged:
            heard(one)
        return merged


def disagreement(verdicts: Sequence[Verdict]) -> float | None:
    """The mean share of votes against the verdict they became; None without votes."""
    shares = [
        1 - max(one.votes.values()) / sum(one.votes.values()) for one in verdicts if one.votes
    ]
    return sum(shares) / len(shares) if shares else None


def _merged(votes: Sequence[Verdict], rule: Rule) -> Verdict:
    counted: dict[str, int] = dict(Counter(one.verdict for one in votes))
    decided = [one for one in votes if one.verdict in DECIDED]
    if not decided:
        return votes[0].model_copy(update={"votes": counted})
    chances = [_chance(one) for one in decided if one.verdict != "NOT_APPLICABLE"]
    mean = sum(chances) / len(chances) if chances else None
    winner = _by_mean(mean) if rule == "mean" and mean is not None else _by_count(decided)
    if winner is None:
        return Verdict(
            criterion_id=votes[0].criterion_id,
            verdict="ABSTAIN",
            explanation="the votes are even",
            reason="split",
            probability=mean,
            votes=counted,
        )
    first = next((one for one in decided if one.verdict == winner), decided[0])
    return first.model_copy(update={"votes": counted, "probability": mean})


def _by_count(decided: Sequence[Verdict]) -> str | None:
    (first, most), *others = Counter(one.verdict for one in decided).most_common()
    return None if others and others[0][1] == most else first


def _by_mean(mean: float) -> str | None:
    return None if mean == 0.5 else "MET" if mean > 0.5 else "UNMET"


def _chance(verdict: Verdict) -> float:
    return float(verdict.verdict == "MET") if verdict.probability is None else verdict.probability
