"""Finds answers that say nothing of their own, before any judge is asked.

Judges can be talked into approval by an opener, a refusal or an echo of what they were asked. What
is left of an answer without such sentences decides; when in doubt, it says something.
"""

import re
from collections.abc import Iterable, Sequence, Set

from inference.sentences import sentences_of
from rubrics.evidence import LEAD
from rubrics.parsing import plain
from rubrics.types import Criterion, Verdict

_CANNOT = "(can ?not|can t|am not able to|am unable to|won t|will not|must decline to|decline to)"
_DO = "(help|assist|answer|provide|give|offer|respond|comply|discuss|comment|do)"
_ANY = (
    "( (you|with|on|about|to|for|in|of|or|and|that|this|these|such|any|a|an|the|your|it|kind|sort"
    "|medical|health|personal|specific|advice|diagnos[ie]s|information|questions?|requests?"
    "|topics?|matters?|issues?))"
)
# As `plain` writes them: without punctuation, an apostrophe as a space.
_FILLERS = (
    r"thought process|reasoning|thinking|solution|(final )?answer|conclusion|explanation|analysis",
    r"summary|step \d+|sure|certainly|of course|absolutely|okay|ok",
    r"(let s|let us|let me|i will|i ll) (think|solve|work|break|look|go|begin|start|analy[sz]e)"
    rf"( (step|by|problem|through|down|carefully|first|at)|{_ANY}){{0,8}}",
    rf"(here|below) (is|are)( (my|what|answer|response|solution)|{_ANY}){{1,6}}",
    r"(that s |what )?an? (great|good|excellent|important|interesting) question",
    r"(great|good|excellent) question|thank(s| you) for( \w+){0,8}",
    rf"to (answer|solve|address){_ANY}{{1,6}}",
    rf"(i am|i m|we are)( \w+)? (happy|glad|here|pleased) to help{_ANY}{{0,4}}",
    r"i hope (this|that) helps",
    rf"((i am|i m) (sorry|afraid) )?(but )?(i|we) {_CANNOT} {_DO}{_ANY}{{0,10}}",
    r"(i am|i m) (sorry|afraid)",
    rf"as an? (ai|artificial|large|language)( \w+){{0,4}}( (i|we) {_CANNOT} {_DO}{_ANY}{{0,10}})?",
)
_FILLER = re.compile("|".join(f"({one})" for one in _FILLERS))
LEAST_WORDS_OF_ECHO = 5


def says_nothing(evidence: str, question: str, criteria: Iterable[str]) -> bool:
    """Whether nothing is left of an answer once openers, refusals and echoes are taken out.

    Args:
        evidence: what of it does not speak to a judge; see `rubrics.untrusted`.
        question: what was asked; repeating it says nothing.
        criteria: what it will be judged by; repeating "Tells the reader to ..." says nothing,
            while a plain statement of fact may be said as it stands.
    """
    told = [plain(one) for one in criteria if LEAD.match(one)]
    asked = {plain(one) for one in sentences_of(question)}
    whole = plain(question)
    return not any(_says(plain(one), asked, whole, told) for one in sentences_of(evidence))


def unmet_by_nothing(criterion: Criterion) -> Verdict:
    """The verdict on a positive criterion where an answer says nothing."""
    why = "the answer says nothing of its own"
    return Verdict(criterion_id=criterion.id, verdict="UNMET", explanation=why, reason="no_content")


def _says(sentence: str, asked: Set[str], question: str, told: Sequence[str]) -> bool:
    if not re.search(r"[^\W\d_]", sentence) or _FILLER.fullmatch(sentence) or sentence in asked:
        return False
    if sentence in question and len(sentence.split()) >= LEAST_WORDS_OF_ECHO:
        return False
    return not any(one in sentence for one in told)
