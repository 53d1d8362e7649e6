"""Takes verdicts from the caller's own model, as far as the answer bears them out."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from inference.errors import BadInput
from inference.words import Word, read
from mcp_server.grading import LONGEST_TEXT
from rubrics.counting import by_count
from rubrics.emptiness import says_nothing, unmet_by_nothing
from rubrics.quotes import borne_out
from rubrics.types import Criterion, Rubric, Verdict
from rubrics.untrusted import evidence_in

_OWN_ID = re.compile(r"[a-z0-9-]{1,40}\.\d{1,2}|c\d{1,3}")  # given by us, not by a caller


class _Given(Word):
    criterion_id: str
    verdict: Literal["MET", "UNMET", "ABSTAIN", "NOT_APPLICABLE"]
    explanation: str = ""
    quote: str = ""


def callers_verdicts(
    given: Sequence[Any], question: str, answer: str, rubric: Rubric
) -> tuple[Verdict, ...]:
    """The caller's verdicts in the rubric's order, as far as the answer bears them out.

    Raises:
        BadInput: they do not name each criterion of the rubric once.
    """
    said = read(tuple[_Given, ...], given, "verdicts")
    _check_ids([one.criterion_id for one in said], rubric)
    by_id = {one.criterion_id: one for one in said}
    evidence = evidence_in(answer)
    empty = says_nothing(evidence, question, [one.criterion for one in rubric.criteria])
    return tuple(
        by_count(one, answer)
        or (unmet_by_nothing(one) if empty and one.points > 0 else None)
        or _checked(one, by_id[one.id], evidence)
        for one in rubric.criteria
    )


def _checked(criterion: Criterion, given: _Given, evidence: str) -> Verdict:
    verdict = Verdict(
        criterion_id=criterion.id,
        verdict=given.verdict,
        explanation=given.explanation[:LONGEST_TEXT],
        quote=given.quote[:LONGEST_TEXT],
        reason="undecided" if given.verdict == "ABSTAIN" else "",
    )
    return borne_out(verdict, evidence)


def _check_ids(named: Sequence[str], rubric: Rubric) -> None:
    wanted = {one.id for one in rubric.criteria}
    missing = [id for id in wanted if id not in named]
    foreign = sum(id not in wanted for id in named)
    doubled = sum(times > 1 for times in Counter(named).values())
    if missing or foreign or doubled:
        shown = sorted(id for id in missing if _OWN_ID.fullmatch(id))[:5]
        which = f" ({', '.join(shown)})" if shown else ""
        raise BadInput(
            "verdicts",
            "each criterion_id of the packet once; "
            f"{len(missing)} missing{which}, {foreign} not in the rubric, {doubled} given twice",
        )
