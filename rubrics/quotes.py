"""A MET has to show its words: the one rule for every judge that quotes."""

from rubrics.parsing import is_quoted
from rubrics.types import Verdict


def borne_out(verdict: Verdict, evidence: str, lenient: bool = False) -> Verdict:
    """The verdict; a MET whose quote does not stand in the answer becomes ABSTAIN.

    Args:
        verdict: as it was given.
        evidence: what of the answer can show something; see `rubrics.untrusted`.
        lenient: leave such a MET standing, with the reason `unverified`.
    """
    if verdict.verdict != "MET" or is_quoted(verdict.quote, evidence):
        return verdict
    if lenient:
        return verdict.model_copy(update={"reason": "unverified"})
    why = f"unverified: the quote does not stand in the answer. {verdict.explanation}"
    return Verdict(
        criterion_id=verdict.criterion_id,
        verdict="ABSTAIN",
        explanation=why.strip(),
        reason="unverified",
    )
