"""Makes examples for a verifier out of judged answers, and parts them by question.

Only what a judge decided by reading is an example. What was counted or found by a rule teaches
nothing that the rule does not know; what failed or was left open is not a "no".
"""

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from inference.cross_encoder import Pair
from inference.errors import BadInput
from inference.words import Word
from rubrics.counting import by_count
from rubrics.distilled_judge import DISTILLED, shown
from rubrics.parsing import plain
from rubrics.scoring import JUDGED
from rubrics.types import Criterion, Verdict
from training.judged_rows import JudgedAnswer, answers_in, rubric_in
from training.reward import REFUSED_JUDGE
from training.tasks import Rejected, asked_in

LeftOut = Literal[
    "unfit_judge",  # the screening judge, or one that was distilled itself
    "not_decided",  # ABSTAIN, ERROR, NOT_APPLICABLE
    "by_rule",  # counted, or an answer that says nothing
    "broken_off",  # the answer ends in the middle
    "contradictory",  # judged both ways
    "too_long",  # the encoder cannot read the answer to its end
]
UNFIT = (REFUSED_JUDGE, DISTILLED)
NAMELESS = "a judge without a name"
TUNING = 0.1  # of the questions: where the band lies is not learnt where the weights are


class Example(Word):
    """A criterion of an answer, and whether the judge found it met."""

    criterion: str
    question: str
    answer: str
    met: bool

    def pair(self) -> Pair:
        return shown(self.criterion, self.question, self.answer)

    def without_answer(self) -> Pair:
        return shown(self.criterion, self.question, "")


class Lessons(Word):
    """What there is to learn from."""

    examples: tuple[Example, ...]
    judges: tuple[str, ...]
    left_out: dict[LeftOut, int] = Field(default={})

    @property
    def sha256(self) -> str:
        """Of the examples in their order, whatever file they came from."""
        digest = hashlib.sha256()
        for one in self.examples:
            digest.update(one.model_dump_json().encode())
        return digest.hexdigest()


class Parts(Word):
    """Examples that share no question between the parts."""

    training: tuple[Example, ...]
    tuning: tuple[Example, ...]
    held_out: tuple[Example, ...]


def lessons_of(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> Lessons:
    """The examples in rows of judged answers, each once.

    Args:
        rows: as `clinalign pairs` reads them, each with the words for it.

    Raises:
        BadInput: a row cannot be used; it names the row.
    """
    said: dict[tuple[str, str, str], set[bool]] = {}
    judges: Counter[str] = Counter()
    left_out: Counter[LeftOut] = Counter()
    for where, row in rows:
        judge = str(row.get("judge") or NAMELESS)
        question, criteria = _question(row, where), _criteria(row, where)
        for judged in answers_in(row, where):
            for verdict in judged.verdicts:
                criterion = _named(verdict, criteria, where)
                if why := _against(judge, judged, criterion, verdict):
                    left_out[why] += 1
                    continue
                judges[judge] += 1
                key = (criterion.criterion, question, judged.answer)
                said.setdefault(key, set()).add(verdict.verdict == "MET")
    left_out["contradictory"] = sum(len(one) > 1 for one in said.values())
    return Lessons(
        examples=tuple(
            Example(criterion=criterion, question=question, answer=answer, met=True in met)
            for (criterion, question, answer), met in said.items()
            if len(met) == 1
        ),
        judges=tuple(name for name, _ in judges.most_common()),
        left_out={why: number for why, number in left_out.items() if number},
    )


def questions_in(examples: Iterable[Example]) -> list[str]:
    """The different questions, in the order of their first example."""
    return list(dict.fromkeys(plain(one.question) for one in examples))


def parted(examples: Sequence[Example], held_out: float, seed: int) -> Parts:
    """Deal the questions out by chance.

    Args:
        examples: all of them.
        held_out: the share of the questions that nothing is learnt from.
        seed: of the chance.

    Raises:
        BadInput: a part would lack verdicts of one kind.
    """
    questions = questions_in(examples)
    random.Random(seed).shuffle(questions)
    held, tuned = (max(1, round(len(questions) * share)) for share in (held_out, TUNING))
    part = dict.fromkeys(questions[:held], "held_out")
    part |= dict.fromkeys(questions[held : held + tuned], "tuning")
    dealt: dict[str, list[Example]] = {"training": [], "tuning": [], "held_out": []}
    for one in examples:
        dealt[part.get(plain(one.question), "training")].append(one)
    for name, found in dealt.items():
        if len({one.met for one in found}) < 2:
            told = f"met and unmet verdicts in each part; the {name.replace('_', '-')} part of "
            raise BadInput("verdicts", f"{told}{len(questions)} questions lacks one kind")
    return Parts(**{name: tuple(found) for name, found in dealt.items()})


def _question(row: Mapping[str, Any], where: str) -> str:
    try:
        return asked_in(row).question
    except Rejected as error:
        raise BadInput(where, f"a row with a question ({error.why})") from None


def _criteria(row: Mapping[str, Any], where: str) -> dict[str, Criterion]:
    return {one.id: one for one in rubric_in(row, where).criteria}


def _named(verdict: Verdict, criteria: Mapping[str, Criterion], where: str) -> Criterion:
    if verdict.criterion_id not in criteria:
        raise BadInput(f"{where}: answers", "verdicts that name criteria of the row's rubric")
    return criteria[verdict.criterion_id]


def _against(
    judge: str, judged: JudgedAnswer, criterion: Criterion, verdict: Verdict
) -> LeftOut | None:
    """Why a verdict is no example."""
    if judge.startswith(UNFIT):
        return "unfit_judge"
    if judged.truncated:
        return "broken_off"
    if verdict.verdict not in JUDGED:
        return "not_decided"
    if verdict.reason == "no_content" or by_count(criterion, judged.answer):
        return "by_rule"
    return None
