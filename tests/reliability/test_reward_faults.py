"""Row B10: a thousand faulty judgements in calls as TRL makes them."""

import asyncio
import math
import random
from dataclasses import dataclass
from typing import Any

import pytest

from inference.embedding import MemoEmbedder
from inference.messages import Conversation
from inference.vectors import VectorCache
from principle_store.memory import InMemoryPrincipleStore
from principle_store.types import Library
from rubrics.judge import Heard, unheard
from rubrics.reading import ScenarioReader
from rubrics.types import Rubric, Verdict
from tests.reliability.rows import settle
from tests.training_runs.kit import AGE, HABITS, RuleJudge, judging, questions
from training.drift import Drift, DriftTerms, Examined
from training.reward import RubricReward, TooManyUngraded
from training.run_data import Task
from training.trl_reward import Rules, TrlReward, Watch

pytestmark = pytest.mark.reliability

BATCHES, BATCH, GROUP = 25, 40, 4
FAULTS = ("error", "one error", "abstain", "half", "not applicable", "raises", "too long", "none")
TASKS = {
    f"q{place}": Task(
        prompt_id=f"q{place}",
        asked=Conversation.of(row["prompt"]),
        rubric=Rubric.from_rows(row["rubrics"]),
    )
    for place, row in enumerate(questions(held_out=False))
}


class FaultyJudge:
    """A fake: fails in the way that the answer names."""

    name, fingerprint, agreement = "faulty judge", "faulty", "a fake"

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric, heard: Heard = unheard
    ) -> tuple[Verdict, ...]:
        said = await RuleJudge().verdicts(conversation, answer, rubric)
        fault = next(one for one in FAULTS if answer.endswith(f"({one})"))
        if fault == "raises":
            raise RuntimeError("a judge that breaks its promise")
        wrong = {
            "error": ("ERROR", len(said)),
            "one error": ("ERROR", 1),
            "abstain": ("ABSTAIN", len(said)),
            "half": ("ABSTAIN", len(said) // 2),
            "not applicable": ("NOT_APPLICABLE", len(said)),
        }
        value, number = wrong.get(fault, ("", 0))
        lost = (one.model_copy(update={"verdict": value}) for one in said)
        return tuple(lost)[:number] + said[number:]


@dataclass
class State:
    global_step: int


def test_no_fault_of_a_judge_becomes_a_number(
    library: Library, reader: ScenarioReader, embedder: MemoEmbedder, cached: VectorCache
) -> None:
    store = InMemoryPrincipleStore(library, embedder, cached)
    chance, failures, tried, lost = random.Random(0), [], 0, 0
    metrics: dict[str, list[float]] = {}
    logs: list[tuple[str, dict[str, Any]]] = []
    with judging(store, reader, FaultyJudge(), RuleJudge()) as judges:
        assert judges.examiner is not None
        watch = Watch(Examined(judges.examiner, DriftTerms(share=0.1)), Drift(DriftTerms()))
        reward = TrlReward(
            RubricReward(judges.tools, most_ungraded=0.99),
            judges.portal,
            Rules(TASKS, seed=0),
            lambda name, row: logs.append((name, row)),
            has_ended=bool,
            watch=watch,
        )
        for step in range(BATCHES):
            batch = [drawn(chance) for _ in range(BATCH)]
            given = asyncio.run(
                reward(
                    prompts=[None] * BATCH,
                    completions=[[{"role": "assistant", "content": text}] for text, _ in batch],
                    completion_ids=[[1] * len(text.split()) for text, _ in batch],
                    prompt_id=[f"q{place // GROUP}" for place in range(BATCH)],
                    held=[False] * BATCH,
                    trainer_state=State(step),
                    log_metric=lambda name, value: metrics.setdefault(name, []).append(value),
                    log_extra=None,
                )
            )
            tried += BATCH
            failures += [] if len(given) == BATCH else [f"step {step}: {len(given)} rewards"]
            for place, ((text, fault), value) in enumerate(zip(batch, given, strict=False)):
                lost += value is None
                wanted = expected(text, fault, TASKS[f"q{place // GROUP}"].rubric)
                if not same(value, wanted):
                    failures.append(f"step {step}, {fault}: {value}, expected {wanted}")
    gaps = [row["gap"] for name, row in logs if name == "drift.jsonl"]
    failures += [] if "reward/length_correlation" in metrics else ["no length correlation"]
    failures += [] if gaps else ["no gap to the second judge"]
    figure = f"{lost} without a reward, 0 of them a number, {len(gaps)} gaps logged"
    settle("B10 reward adapter", tried, failures, figure, "0 silent zeros, 0 NaN, 0 lost")


def drawn(chance: random.Random) -> tuple[str, str]:
    fault = chance.choice(FAULTS)
    said = " ".join(chance.sample(list(HABITS), chance.randint(1, 4)))
    padding = "word " * 5000 if fault == "too long" else ""
    return f"{padding}{said} {chance.random()} ({fault})", fault


def expected(text: str, fault: str, rubric: Rubric) -> float | None:
    """By the rule, where every criterion is judged."""
    if fault != "none":
        return None
    met = [one.points for one in rubric.criteria if one.criterion.removeprefix("Says: ") in text]
    return sum(met) / sum(one.points for one in rubric.criteria if one.points > 0)


def same(value: float | None, wanted: float | None) -> bool:
    if value is None or wanted is None:
        return value is wanted
    return math.isfinite(value) and math.isclose(value, wanted)


def test_a_run_ends_above_the_stated_share_of_ungraded(
    library: Library, reader: ScenarioReader, embedder: MemoEmbedder, cached: VectorCache
) -> None:
    store = InMemoryPrincipleStore(library, embedder, cached)
    with judging(store, reader, RuleJudge(fails=lambda call: call % 3 == 0)) as judges:
        reward = TrlReward(
            RubricReward(judges.tools, most_ungraded=0.3),
            judges.portal,
            Rules(TASKS, seed=0),
            lambda *_: None,
            has_ended=bool,
        )
        with pytest.raises(TooManyUngraded, match="more than 30%"):
            asyncio.run(
                reward(
                    prompts=[None] * 60,
                    completions=[f"{AGE} {place}" for place in range(60)],
                    completion_ids=[[1]] * 60,
                    prompt_id=["q0"] * 60,
                    held=[False] * 60,
                    trainer_state=State(0),
                    log_metric=lambda *_: None,
                )
            )
