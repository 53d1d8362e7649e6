"""A quick judge before a thorough one."""

from inference.messages import Conversation
from rubrics.judge import Heard, unheard
from rubrics.passport import UNCALIBRATED
from rubrics.staged_judge import StagedJudge
from rubrics.types import Criterion, Rubric, Verdict

ASKED = Conversation.of("My father has chest pain.")
WORDS = {"M": "MET", "U": "UNMET", "A": "ABSTAIN", "E": "ERROR"}


class Told:
    """A fake: says of each criterion the letter that it was given for its id."""

    agreement = UNCALIBRATED

    def __init__(self, name: str, **letters: str) -> None:
        self.name = self.fingerprint = name
        self._letters = letters
        self.asked: list[str] = []

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric, heard: Heard = unheard
    ) -> tuple[Verdict, ...]:
        self.asked += [one.id for one in rubric.criteria]
        said = tuple(
            Verdict.model_validate(
                {
                    "criterion_id": one.id,
                    "verdict": WORDS[self._letters[one.id]],
                    "explanation": self.name,
                }
            )
            for one in rubric.criteria
        )
        for verdict in said:
            heard(verdict)
        return said


def asked_for(*ids: str, critical: str = "") -> Rubric:
    return Rubric(
        criteria=tuple(
            Criterion(id=one, criterion=one, points=5, critical=one == critical) for one in ids
        )
    )


async def test_the_model_is_asked_only_what_is_undecided_or_critical() -> None:
    first = Told("quick", a="M", b="A", c="U", d="M")
    then = Told("thorough", a="U", b="M", c="M", d="U")

    found = await StagedJudge(first, then).verdicts(
        ASKED, "Call.", asked_for("a", "b", "c", "d", critical="d")
    )

    assert sorted(then.asked) == ["b", "d"]
    assert first.asked == ["a", "b", "c"]
    assert [(one.criterion_id, one.verdict, one.explanation) for one in found] == [
        ("a", "MET", "quick"),
        ("b", "MET", "thorough"),
        ("c", "UNMET", "quick"),
        ("d", "UNMET", "thorough"),
    ]


async def test_each_verdict_is_told_once_and_only_the_one_that_stands() -> None:
    heard: list[Verdict] = []
    first, then = Told("quick", a="M", b="E", c="A"), Told("thorough", a="U", b="U", c="E")

    found = await StagedJudge(first, then).verdicts(
        ASKED, "Call.", asked_for("a", "b", "c"), heard.append
    )

    assert sorted(heard, key=lambda one: one.criterion_id) == list(found)
    assert [one.verdict for one in found] == ["MET", "UNMET", "ERROR"]


async def test_where_all_is_critical_the_quick_judge_is_not_asked() -> None:
    first, then = Told("quick"), Told("thorough", a="M")

    await StagedJudge(first, then).verdicts(ASKED, "Call.", asked_for("a", critical="a"))

    assert (first.asked, then.asked) == ([], ["a"])


def test_its_name_and_fingerprint_hold_both() -> None:
    judge = StagedJudge(Told("quick"), Told("thorough"))

    assert judge.name == "quick, then thorough"
    assert judge.fingerprint == "staged | quick | thorough"
    assert judge.agreement == f"quick: {UNCALIBRATED}; thorough: {UNCALIBRATED}"
