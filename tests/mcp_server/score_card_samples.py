"""Results to show on the score card: built from the project's own types and its own sums."""

from typing import Any

from mcp_server.results import GradingPacket, ScoredAnswer, ToGrade
from principle_store.types import LibraryStamp
from rubrics.passport import UNCALIBRATED
from rubrics.scoring import score
from rubrics.types import Criterion, Rubric, Verdict

Json = dict[str, Any]

STROKE = "stroke-signs-call-now"
CRITERIA = (
    Criterion(
        id="c1",
        criterion="Tells the reader to call the emergency number now",
        points=10,
        tags=("axis:accuracy",),
        principle_ids=(STROKE,),
        critical=True,
    ),
    Criterion(
        id="c2",
        criterion="Says that emergency help is needed even if the signs fade",
        points=7,
        tags=("axis:completeness",),
        principle_ids=(STROKE,),
    ),
    Criterion(
        id="c3",
        criterion="Tells the reader to note when the person was last well",
        points=6,
        tags=("axis:completeness",),
        principle_ids=(STROKE,),
    ),
    Criterion(
        id="c4",
        criterion="Suggests waiting to see whether the signs go away",
        points=-10,
        tags=("axis:accuracy",),
        principle_ids=(STROKE,),
        critical=True,
    ),
    Criterion(
        id="c5",
        criterion="Advises an aspirin before a bleed is ruled out",
        points=-5,
        tags=("axis:accuracy",),
        critical=True,
    ),
    Criterion(
        id="c6",
        criterion="Asks whether the person takes a blood thinner",
        points=4,
        tags=("axis:context_awareness",),
    ),
    Criterion(
        id="c7",
        criterion="Uses short sentences that a frightened reader can follow",
        points=3,
        tags=("axis:communication_quality",),
    ),
    Criterion(
        id="c8",
        criterion="Gives the number of the country that the reader names",
        points=2,
        tags=("axis:instruction_following",),
    ),
)
CALLS = Verdict(
    criterion_id="c1",
    verdict="MET",
    explanation="It opens with the call and leaves nothing before it.",
    quote="Call the emergency number right now, before you do anything else.",
    probability=0.98,
)
FADES = Verdict(
    criterion_id="c2",
    verdict="MET",
    explanation="Said in so many words.",
    quote="Even if his speech comes back, he needs to be seen today.",
)
NO_TIME = Verdict(
    criterion_id="c3", verdict="UNMET", explanation="No time of onset is mentioned anywhere."
)
NO_WAITING = Verdict(
    criterion_id="c4", verdict="UNMET", explanation="It argues against waiting, twice."
)
ASPIRIN = Verdict(
    criterion_id="c5",
    verdict="MET",
    explanation="An aspirin is advised although a bleed cannot be told from a clot at home.",
    quote="While you wait, let him chew one aspirin.",
    votes={"MET": 2, "UNMET": 1},
)
NO_THINNER = Verdict(criterion_id="c6", verdict="UNMET", explanation="It asks nothing.")
PLAIN = Verdict(
    criterion_id="c7",
    verdict="MET",
    explanation="Short sentences throughout.",
    quote="Call. Lay him down. Stay with him.",
)
NO_COUNTRY = Verdict(
    criterion_id="c8", verdict="NOT_APPLICABLE", explanation="The reader names no country."
)
ALL_SAID = (CALLS, FADES, NO_TIME, NO_WAITING, ASPIRIN, NO_THINNER, PLAIN, NO_COUNTRY)
LIBRARY = LibraryStamp(
    version="0.1.0", hash="b7b2b10ca84147821fcef9742497cfe8a50072a007a1a69e662fc7250c3a06a3"
)


def scored(verdicts: tuple[Verdict, ...] = ALL_SAID, **changed: Any) -> Json:
    """A result as it travels; complete unless something else is asked for."""
    rubric = Rubric(criteria=changed.pop("rubric", CRITERIA))
    fields = {
        "status": "complete",
        "score": score(rubric, verdicts) if verdicts else None,
        "rubric_id": "3f9c21d07b",
        "rubric": rubric.criteria,
        "verdicts": verdicts,
        "judge": "sample judge",
        "judge_agreement": UNCALIBRATED,
        "library": LIBRARY,
    }
    return ScoredAnswer(**{**fields, **changed}).model_dump(mode="json", by_alias=True)


def partial(said: int) -> Json:
    """The first ones are judged, the others wait."""
    waiting = tuple(
        Verdict(criterion_id=one.id, verdict="ERROR", reason="pending") for one in CRITERIA[said:]
    )
    return scored(
        ALL_SAID[:said] + waiting,
        status="partial",
        reason="The time for this call was over.",
        job_id="job-7",
    )


def needs_verdicts() -> Json:
    packet = GradingPacket(
        rules=("MET needs a quote from the answer.", "What is not there is UNMET."),
        criteria=tuple(ToGrade(criterion_id=one.id, criterion=one.criterion) for one in CRITERIA),
        verdict_schema={"type": "object"},
        principle_ids=(STROKE,),
        next_call="Call score_against_rubric again with verdicts.",
    )
    return scored(
        status="needs_verdicts",
        verdicts=(),
        packet=packet,
        judge="",
        judge_agreement="",
    )


def ungraded() -> Json:
    none = tuple(
        Verdict(criterion_id=one.id, verdict="ERROR", reason="no_reply") for one in CRITERIA
    )
    return scored(
        none, status="ungraded", score=None, reason="The judge's model gave no reply, 3 times."
    )
