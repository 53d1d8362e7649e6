"""Turns what is known of a scoring into the result that travels. Pure."""

import hashlib
import json
from collections.abc import Sequence

from mcp_server.grading import packet_for
from mcp_server.results import ScoredAnswer
from mcp_server.scoring import Scoring
from rubrics.scoring import outcome, score
from rubrics.types import Rubric, Score, Ungraded, Verdict

CALLER = "the caller's own model"
NOT_MEASURED = "not measured: the caller judged"


def scored(scoring: Scoring, job_id: str = "", why: str = "") -> ScoredAnswer:
    """The result so far.

    Args:
        scoring: what was asked, and the verdicts there are.
        job_id: where the rest will be found; empty when there is none to come.
        why: there is a rest and it will not come.
    """
    if scoring.wants_verdicts:
        return _to_be_judged(scoring)
    if job_id or why:
        return _partial(scoring, job_id, why)
    assert scoring.wish.rubric is not None
    return judged(scoring, scoring.wish.rubric, scoring.verdicts)


def judged(scoring: Scoring, rubric: Rubric, verdicts: Sequence[Verdict]) -> ScoredAnswer:
    """The result where every criterion has its verdict."""
    found = outcome(rubric, verdicts)
    return _result(scoring, verdicts).model_copy(
        update={
            "status": "complete" if isinstance(found, Score) else "ungraded",
            "score": found if isinstance(found, Score) else None,
            "reason": found.reason if isinstance(found, Ungraded) else "",
        }
    )


def rubric_id(rubric: Rubric) -> str:
    """The name under which a rubric is found again: a hash of what it holds."""
    return hashlib.sha256(json.dumps(rubric.rows()).encode()).hexdigest()[:24]


def _partial(scoring: Scoring, job_id: str, why: str) -> ScoredAnswer:
    verdicts = scoring.verdicts
    there = sum(one.reason != "pending" for one in verdicts)
    so_far = f"{there} of {len(verdicts)} criteria judged" if verdicts else "nothing judged yet"
    rest = why or "call get_score with the job_id for the rest"
    return _result(scoring, verdicts).model_copy(
        update={
            "status": "partial",
            "score": score(scoring.wish.rubric, verdicts) if scoring.wish.rubric else None,
            "reason": f"{so_far} when the time was over; {rest}",
            "job_id": job_id,
        }
    )


def _to_be_judged(scoring: Scoring) -> ScoredAnswer:
    assert scoring.wish.rubric is not None
    return _result(scoring, ()).model_copy(
        update={
            "status": "needs_verdicts",
            "reason": "this server has no judge: judge the criteria of the packet yourself",
            "packet": packet_for(scoring.wish.rubric, made=scoring.made),
            "judge": CALLER,
            "judge_agreement": NOT_MEASURED,
        }
    )


def _result(scoring: Scoring, verdicts: Sequence[Verdict]) -> ScoredAnswer:
    rubric = scoring.wish.rubric
    return ScoredAnswer(
        status="ungraded",
        score=None,
        rubric_id=rubric_id(rubric) if rubric else "",
        rubric=rubric.criteria if rubric else (),
        verdicts=tuple(verdicts),
        judge=scoring.judge,
        judge_agreement=scoring.agreement,
        library=scoring.library,
    )
