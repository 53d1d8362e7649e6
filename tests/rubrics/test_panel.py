import pytest

from inference.messages import Conversation
from rubrics.judge import Heard, unheard
from rubrics.panel import Panel, Rule, disagreement
from rubrics.types import Rubric, Verdict
from tests.builders import rubric

ASKED, RUBRIC = Conversation.of("My chest hurts."), rubric(calls=5)


class Voter:
    """A fake: always of the same opinion."""

    agreement = "uncalibrated"

    def __init__(self, said: str, chance: float | None = None, name: str = "voter") -> None:
        self.name = self.fingerprint = name
        self._said, self._chance = said, chance

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric, heard: Heard = unheard
    ) -> tuple[Verdict, ...]:
        return tuple(
            Verdict.model_validate(
                {"criterion_id": one.id, "verdict": self._said, "probability": self._chance}
            )
            for one in rubric.criteria
        )


async def voted(*said: str, rule: Rule = "majority") -> Verdict:
    (verdict,) = await Panel([Voter(one) for one in said], rule).verdicts(ASKED, "Call.", RUBRIC)
    return verdict


@pytest.mark.parametrize(
    ("said", "value"),
    [
        (("MET", "MET", "UNMET"), "MET"),
        (("MET", "UNMET", "UNMET"), "UNMET"),
        (("MET", "ERROR", "ABSTAIN"), "MET"),
        (("NOT_APPLICABLE", "NOT_APPLICABLE", "MET"), "NOT_APPLICABLE"),
        (("MET", "UNMET"), "ABSTAIN"),
        (("MET", "UNMET", "ERROR"), "ABSTAIN"),
        (("ERROR", "ERROR"), "ERROR"),
    ],
)
async def test_most_votes_win_and_failed_ones_do_not_count(
    said: tuple[str, ...], value: str
) -> None:
    verdict = await voted(*said)

    assert verdict.verdict == value
    assert sum(verdict.votes.values()) == len(said)


async def test_an_even_split_is_left_open_and_says_so() -> None:
    assert (await voted("MET", "UNMET")).reason == "split"


@pytest.mark.parametrize(
    ("chances", "value"), [((0.9, 0.4, 0.4), "MET"), ((0.6, 0.6, 0.1), "UNMET")]
)
async def test_the_mean_of_probabilities_may_decide_against_the_most(
    chances: tuple[float, ...], value: str
) -> None:
    voters = [Voter("MET" if one > 0.5 else "UNMET", one) for one in chances]

    (verdict,) = await Panel(voters, "mean").verdicts(ASKED, "Call.", RUBRIC)

    assert verdict.verdict == value
    assert verdict.probability == pytest.approx(sum(chances) / 3)


async def test_disagreement_is_the_share_of_votes_against_the_verdicts() -> None:
    verdicts = [await voted("MET", "MET", "MET", "UNMET"), await voted("UNMET", "UNMET")]

    assert disagreement(verdicts) == pytest.approx((1 / 4 + 0) / 2)
    assert disagreement([Verdict(criterion_id="c", verdict="MET")]) is None


async def test_a_panel_names_its_voters_and_tells_each_verdict() -> None:
    panel = Panel([Voter("MET", name="a"), Voter("MET", name="a"), Voter("UNMET", name="b")])
    heard: list[Verdict] = []

    verdicts = await panel.verdicts(ASKED, "Call.", RUBRIC, heard.append)

    assert panel.name == "panel of 3 votes (2 x a, 1 x b; majority)"
    assert tuple(heard) == verdicts
