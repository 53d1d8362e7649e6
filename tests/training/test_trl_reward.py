"""The reward as TRL calls it: what is rewarded, what is examined, and what is only measured."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from inference.embedding import MemoEmbedder
from inference.messages import Conversation
from inference.scripted import ScriptedChat
from inference.vectors import VectorCache
from principle_store.memory import InMemoryPrincipleStore
from principle_store.types import Library
from rubrics.reading import ScenarioReader
from rubrics.types import Rubric
from tests.training_runs.kit import AGE, CALL, UNSURE, RuleJudge, judging, rubric_rows
from training.drift import Drift, DriftTerms, Examined
from training.judges import Judges
from training.reward import RubricReward
from training.rubric_parts import without_held_out
from training.run_data import Task
from training.ties import TieBreaker
from training.trl_reward import Rules, TrlReward, Watch

RUBRIC = Rubric.from_rows(rubric_rows(emergent=True))
TASK = Task(prompt_id="q", asked=Conversation.of("I have crushing chest pain."), rubric=RUBRIC)
HELD_OUT = 0.4


@dataclass
class State:
    global_step: int = 0


@dataclass
class Heard:
    """What a call logged."""

    metrics: dict[str, float] = field(default_factory=dict)
    rows: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def named(self, name: str) -> list[dict[str, Any]]:
        return [row for said, row in self.rows if said == name]


@pytest.fixture
def judges(
    library: Library, reader: ScenarioReader, embedder: MemoEmbedder, cached: VectorCache
) -> Iterator[Judges]:
    store = InMemoryPrincipleStore(library, embedder, cached)
    with judging(store, reader, RuleJudge(), RuleJudge()) as judges:
        yield judges


def called(
    judges: Judges, answers: list[str], held: bool = False, chat: ScriptedChat | None = None
) -> tuple[list[float | None], Heard]:
    """The rewards of answers to one question, with a monitor that looks at all of them."""
    assert judges.examiner is not None
    heard, terms = Heard(), DriftTerms(share=1.0, held_out=HELD_OUT)
    reward = TrlReward(
        RubricReward(judges.tools),
        judges.portal,
        Rules({"q": TASK}, seed=0, held_out=HELD_OUT),
        lambda name, row: heard.rows.append((name, row)),
        has_ended=bool,
        watch=Watch(Examined(judges.examiner, terms), Drift(terms)),
        ties=TieBreaker(chat, 0.1) if chat else None,
    )
    given = reward(
        prompts=[None] * len(answers),
        completions=[[{"role": "assistant", "content": one}] for one in answers],
        completion_ids=[[1, 2, 3]] * len(answers),
        prompt_id=["q"] * len(answers),
        held=[held] * len(answers),
        trainer_state=State(),
        log_metric=heard.metrics.__setitem__,
        log_extra=None,
    )
    return asyncio.run(given), heard


def share(answer: str, rubric: Rubric) -> float:
    """By the rule."""
    met = [one.points for one in rubric.criteria if one.criterion.removeprefix("Says: ") in answer]
    return sum(met) / sum(one.points for one in rubric.criteria if one.points > 0)


ANSWERS = [f"{CALL} {AGE}", f"{AGE} {UNSURE}"]


def test_what_is_held_out_is_examined_and_never_rewarded(judges: Judges) -> None:
    taught = without_held_out(RUBRIC, HELD_OUT)
    assert len(taught.criteria) < len(RUBRIC.criteria)

    given, heard = called(judges, ANSWERS)

    assert given == pytest.approx([share(one, taught) for one in ANSWERS])
    (seen,) = heard.named("drift.jsonl")
    assert seen["gold"] == pytest.approx(sum(share(one, RUBRIC) for one in ANSWERS) / 2)
    assert seen["same_criteria"] == pytest.approx(seen["proxy"])
    assert heard.metrics["drift/gap"] == pytest.approx(seen["proxy"] - seen["gold"])
    (met,) = heard.named("criteria.jsonl")
    assert set(met["met_of"]) == {one.id for one in taught.criteria}


def test_a_question_that_measures_is_judged_whole_and_not_examined(judges: Judges) -> None:
    given, heard = called(judges, ANSWERS, held=True)

    assert given == pytest.approx([share(one, RUBRIC) for one in ANSWERS])
    assert heard.named("drift.jsonl") == []
    assert [row["eval"] for row in heard.named("criteria.jsonl")] == [True]


def test_ties_are_broken_while_it_learns_and_stay_where_it_is_measured(judges: Judges) -> None:
    tied = [f"{AGE} Please.", f"{AGE} Now."]
    by_rule = share(AGE, without_held_out(RUBRIC, HELD_OUT))

    given, _ = called(judges, tied, chat=ScriptedChat(["A", "B"]))
    measured, _ = called(judges, tied, held=True, chat=ScriptedChat([]))

    assert given == pytest.approx([by_rule + 0.05, by_rule - 0.05])
    assert measured == pytest.approx([share(AGE, RUBRIC)] * 2)


def test_what_was_thought_is_no_part_of_the_answer(judges: Judges) -> None:
    thought, unended = f"<think>{CALL}</think>{AGE}", f"<think>{CALL} {AGE}"

    given, _ = called(judges, [thought, unended], held=True)

    assert given == pytest.approx([share(AGE, RUBRIC), 0.0])
