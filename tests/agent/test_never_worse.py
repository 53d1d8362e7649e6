"""Whatever the judge says, the answer that is returned is none that was worse; budgets hold."""

import itertools
import random
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.graph import build_agent, work
from agent.state import Attempt, Episode, Limits
from inference.chat import Reply
from inference.messages import Conversation
from inference.scripted import ScriptedChat
from rubrics.types import Criterion, Label
from tests.agent.fake_tools import FakeTools, criterion

ASKED = Conversation.of("How do I care for a sprained ankle?")
CRITERIA = (
    criterion("calls", 9, critical=True),
    criterion("dose", 5, critical=True),
    criterion("asks", 4),
    criterion("explains", 3),
    criterion("frightens", -6),
    criterion("overdoses", -9, critical=True),
)
VERDICTS = st.text(alphabet="MUAE", min_size=len(CRITERIA), max_size=len(CRITERIA))
REASONS = {
    "target_reached",
    "no_gain",
    "regression_refused",
    "round_limit",
    "call_budget",
    "token_budget",
    "time_budget",
    "coverage_too_low",
    "needs_information",
}


class CountingChat(ScriptedChat):
    """A fake that counts what it is asked for and what it writes."""

    def __init__(self, tokens: int) -> None:
        super().__init__([])
        self.calls = self.written = 0
        self._tokens = tokens

    async def complete(self, messages: Any, sampling: Any = None, *_: Any, **__: Any) -> Reply:
        self.calls += 1
        tokens = min(self._tokens, sampling.max_tokens)
        self.written += tokens
        return Reply(
            text=f"Answer {self.calls}?",
            truncated=tokens < self._tokens,
            completion_tokens=tokens,
        )


def answered(policy: Any, tools: FakeTools, limits: Limits) -> Episode:
    async def run() -> Episode:
        return await work(build_agent(policy, None, tools, limits), ASKED, limits)

    return anyio.run(run)


def good(one: Criterion, attempt: Attempt) -> bool:
    return attempt.value(one.id) == ("MET" if one.points > 0 else "UNMET")


@settings(max_examples=150, deadline=None)
@given(
    rounds=st.lists(VERDICTS, min_size=1, max_size=7),
    limits=st.builds(
        Limits,
        rounds=st.integers(0, 6),
        target=st.sampled_from([0.5, 0.9, 1.0]),
        least_coverage=st.sampled_from([0.0, 0.4]),
        calls=st.none() | st.integers(1, 6),
        tokens=st.none() | st.integers(1, 250),
    ),
    reducible=st.booleans(),
)
def test_the_answer_is_never_worse_than_one_that_was_accepted(
    rounds: list[str], limits: Limits, reducible: bool
) -> None:
    policy = CountingChat(tokens=50)
    label = Label.model_validate({"value": "reducible", "confidence": 0.9, "from": "model"})
    tools = FakeTools(CRITERIA, rounds, {"uncertainty": label} if reducible else {})

    episode = answered(policy, tools, limits)

    assert episode.stop_reason in REASONS
    accepted = [one for one in episode.attempts if one.accepted]
    assert episode.attempts[episode.chosen] is accepted[-1]
    for before, after in itertools.pairwise(accepted):
        assert after.fraction > before.fraction
        assert (after.score.lower or 0) > (before.score.lower or 0)
        for one in CRITERIA:
            assert not (one.critical and good(one, before) and not good(one, after))
    assert len(episode.attempts) <= limits.rounds + 1
    assert policy.calls <= (limits.calls or 99)
    assert policy.written <= (limits.tokens or 9999)
    assert (episode.spent.calls, episode.spent.tokens) == (policy.calls, policy.written)
    assert len(episode.flips) == len(episode.attempts) - 1


@pytest.mark.parametrize(
    ("rounds", "limits", "reason", "chosen"),
    [
        (["UMUUUU", "MMUUUU"], {"target": 0.6}, "target_reached", 1),
        (["MUUUUU", "MUUUUU"], {}, "no_gain", 0),
        (["MUUUUU", "UMMMUU"], {}, "regression_refused", 0),
        (["MUUUUU", "AMMMUU"], {}, "regression_refused", 0),
        (["MUUUUU", "MMUUUM"], {}, "no_gain", 0),
        (["UUUUUU", "MUUUUU", "MMUUUU"], {"rounds": 1}, "round_limit", 1),
        (["AAAAAU"], {}, "coverage_too_low", 0),
        (["MUUUUU"], {"calls": 1}, "call_budget", 0),
        (["MUUUUU"], {"tokens": 50}, "token_budget", 0),
    ],
)
def test_each_way_to_stop_has_its_name(
    rounds: list[str], limits: dict[str, Any], reason: str, chosen: int
) -> None:
    episode = answered(CountingChat(50), FakeTools(CRITERIA, rounds), Limits(**limits))

    assert (episode.stop_reason, episode.chosen) == (reason, chosen)


def test_a_judge_that_only_leaves_more_open_makes_no_better_answer() -> None:
    """The fraction of the judged rises from 5/12 to 5/5, and nothing got better."""
    tools = FakeTools(CRITERIA, ["AMUUUU", "AMAAUU"])

    episode = answered(CountingChat(50), tools, Limits())

    assert (episode.stop_reason, episode.chosen) == ("no_gain", 0)


def test_what_was_gained_and_lost_is_written_down_with_its_words() -> None:
    episode = answered(CountingChat(50), FakeTools(CRITERIA, ["UMUMMU", "MUUMUU"]), Limits())

    (flips,) = episode.flips
    assert (flips.accepted, flips.why) == (False, "regression_refused")
    assert [(one.criterion_id, one.before, one.after) for one in flips.gained] == [
        ("calls", "UNMET", "MET"),
        ("frightens", "MET", "UNMET"),
    ]
    assert [one.criterion_id for one in flips.lost] == ["dose"]
    assert flips.gained[0].quote == "Answer 2?"
    assert flips.gained[1].quote == "Answer 1?"


def test_an_answer_that_was_cut_off_is_no_better_one() -> None:
    class Cut(CountingChat):
        async def complete(self, *asked: Any, **how: Any) -> Reply:
            reply = await super().complete(*asked, **how)
            return reply.model_copy(update={"truncated": self.calls == 2})

    episode = answered(Cut(50), FakeTools(CRITERIA, ["UUUUUU", "MMMMUU"]), Limits())

    assert (episode.stop_reason, episode.chosen) == ("regression_refused", 0)


@pytest.mark.parametrize(("asks", "reason"), [("M", "needs_information"), ("U", "round_limit")])
def test_a_missing_fact_that_is_asked_for_ends_the_work(asks: str, reason: str) -> None:
    """Only if the answer asks, and nothing vital is amiss."""
    label = Label.model_validate({"value": "reducible", "confidence": 0.9, "from": "model"})
    context = criterion("asks", 4, tags=("axis:context_awareness",))
    tools = FakeTools([context, criterion("explains", 6)], [f"{asks}U"], {"uncertainty": label})

    episode = answered(CountingChat(50), tools, Limits(rounds=0))

    assert episode.stop_reason == reason


async def test_work_that_takes_too_long_ends_with_what_there_is() -> None:
    class Slow(CountingChat):
        async def complete(self, *asked: Any, **how: Any) -> Reply:
            if self.calls:
                await anyio.sleep_forever()
            return await super().complete(*asked, **how)

    limits = Limits(seconds=0.3)
    agent = build_agent(Slow(50), None, FakeTools(CRITERIA, ["MUUUUU"]), limits)

    episode = await work(agent, ASKED, limits)

    assert (episode.stop_reason, episode.answer) == ("time_budget", "Answer 1?")
    assert episode.spent.seconds >= 0.3


async def test_a_draft_that_no_time_was_left_to_judge_is_still_the_answer() -> None:
    class Stuck(FakeTools):
        async def score_against_rubric(self, *_: Any, **__: Any) -> Any:
            await anyio.sleep_forever()

    limits = Limits(seconds=0.3)
    episode = await work(
        build_agent(CountingChat(50), None, Stuck(CRITERIA, ["M"]), limits), ASKED, limits
    )

    assert (episode.stop_reason, episode.answer) == ("time_budget", "Answer 1?")
    assert episode.attempts[0].ungraded == "time_budget"


@pytest.mark.parametrize(
    ("tags", "confidence", "verdicts", "reason"),
    [
        (("axis:context_awareness",), 0.9, "MMU", "needs_information"),  # 1 point of 11 is left
        (("axis:context_awareness",), 0.9, "MUM", "no_gain"),  # worth another round first
        (("axis:context_awareness",), 0.5, "MMU", "no_gain"),  # as likely not missing
        (("axis:completeness",), 0.9, "MMU", "no_gain"),  # nothing was wanted to be asked
    ],
)
def test_only_an_answer_that_lacks_little_else_waits_for_the_asker(
    tags: tuple[str, ...], confidence: float, verdicts: str, reason: str
) -> None:
    label = Label.model_validate({"value": "reducible", "confidence": confidence, "from": "model"})
    criteria = [criterion("asks", 4, tags=tags), criterion("explains", 6), criterion("adds", 1)]
    tools = FakeTools(criteria, [verdicts], {"uncertainty": label})

    episode = answered(CountingChat(50), tools, Limits(rounds=3, target=1.0))

    assert episode.stop_reason == reason


def test_200_revise_loops_lose_no_safety_criterion_that_was_met() -> None:
    """Row D3 of the goals: an emergency, its referral at the top, and a judge of random moods."""
    chance = random.Random(20261122)
    loops = 0
    while loops < 200:
        rounds = ["".join(chance.choices("MUAE", (5, 4, 1, 1), k=len(CRITERIA))) for _ in range(5)]
        tools = FakeTools(CRITERIA, rounds, raised=["heart-attack-call-first"])
        limits = Limits(rounds=4, target=1.0, least_coverage=0)
        episode = answered(CountingChat(50), tools, limits)

        loops += len(episode.flips)
        best = episode.attempts[episode.chosen]
        for earlier in (one for one in episode.attempts[: episode.chosen] if one.accepted):
            lost = [one.id for one in CRITERIA if good(one, earlier) and not good(one, best)]
            assert not {"calls", "dose", "overdoses"}.intersection(lost)
        assert all(one.answer.startswith(episode.referral) for one in episode.attempts)
        assert episode.referral
