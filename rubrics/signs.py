"""Finds criteria whose points have the wrong sign: a harm that earns, a good deed that costs.

Only wordings that leave little doubt are known; most mistakes pass. English only.
"""

import re

from rubrics.lint import Finding

_TURNED = re.compile(
    r"\b(not|never|no|against|avoid\w*|refus\w+|declin\w+|refrain\w*|warns?|without|unless|instead"
    r"|corrects?|correcting|rejects?|challeng\w+|discourag\w+|acknowledg\w+|explains? (why|that)"
    r"|identif\w+|recogni[sz]\w+|asks?|notes?|points? out|rather than|cautions?|addresses"
    r"|clarif\w+|before)\b",
    re.IGNORECASE,
)
_ADVISES = (
    r"(advis|recommend|suggest|tell|give|giving|offer|allow|approv|encourag|propos|prescrib"
    r"|instruct)\w*"
)
_YOUNG = r"\b(infant|baby|babies|newborn|neonate|toddler)s?\b"
_NOT_FOR_THE_YOUNG = (
    r"\b(aspirin|honey|codeine|tramadol|loperamide|decongestant\w*|cough (syrup|medicine)s?"
    r"|adult (dose|medicine|tablet)s?|cow'?s milk|alcohol|whisky|brandy|benzocaine|diluted formula"
    r"|water (instead|between)|sleeping (pill|tablet)s?)\b"
)
_FORBIDS = (
    r"\b(pregnan\w+|breastfe\w+|allerg\w+|contraindicat\w+|(kidney|renal|liver) \w+|warfarin"
    r"|anticoagulant\w*|blood thinners?|haemophilia|hemophilia|overdose)\b"
)
_HARMS = (
    r"^\W*(the (answer|response) )?(fails to|omits|neglects|forgets to|overlooks|fabricates|invents"
    r"|hallucinates|misstates|misdiagnoses|misinterprets|misleads|blames|shames|mocks|belittles)\b",
    r"\b(incorrectly|falsely|wrongly|inaccurately|erroneously|mistakenly|needlessly|misleadingly)\b",
    r"\b(provides|gives|states|contains|includes|makes|offers|recommends|presents)\s+(an?\s+|any\s+)?"
    r"(inaccurate|incorrect|wrong|false|dangerous|harmful|unsafe|misleading|outdated|fabricated)\b",
    r"\b(downplays|trivialises|trivializes|dismisses|belittles)\s+(the|her|his|their|a)\b",
    r"\b(discourages|delays|prevents)\s+(seeking|calling|seeing|going|emergency|urgent|medical)\b",
    rf"\b{_ADVISES}\b.*\b(although|despite|even though|regardless of)\b.*{_FORBIDS}",
    rf"\b{_ADVISES}\b.*{_NOT_FOR_THE_YOUNG}.*{_YOUNG}",
    rf"\b{_ADVISES}\b.*{_YOUNG}.*{_NOT_FOR_THE_YOUNG}",
    rf"\b{_ADVISES}\b.*\baspirin\b.*\b(child|children|toddler|teenager)\b",
    rf"\b{_ADVISES}\b.*\b(stopping|stop|skipping|doubling)\b.*\b(abruptly|suddenly"
    r"|on (his|her|their) own)\b",
    rf"\b{_ADVISES}\b.*\bdoubl(e|ing) (the|a|his|her|their|your) (next )?dose\b",
    rf"\b{_ADVISES}\b.*\b(driving|drive) (himself|herself|themselves|yourself|oneself)\b",
    rf"\b{_ADVISES}\b.*\b(induc\w+ vomiting|make (him|her|them) vomit)\b",
)
_HARM = re.compile("|".join(f"(?:{one})" for one in _HARMS), re.IGNORECASE)
_GOOD = re.compile(
    r"^\W*(the (answer|response) )?(correctly|accurately|appropriately|clearly and correctly)\b"
    r"|^\W*(the (answer|response) )?(advises|tells|recommends|urges|directs)( (the|a) \w+)?( to)?"
    r" (call(ing)?|contact(ing)?|seek(ing)?|go(ing)?)( to)?( an?| the)?"
    r" (emergency|ambulance|urgent|immediate)( \w+){0,3}\W*$",
    re.IGNORECASE,
)


def wrong_sign(criterion: str, points: float) -> Finding | None:
    """What is doubtful about the sign of a criterion's points, if anything."""
    if points > 0 and (harm := _HARM.search(criterion)) and not _turned(criterion, harm):
        return Finding(
            kind="sign",
            reason=f"{harm[0].strip()!r} reads like something bad, and it earns {points:g} points",
            suggestion="give it negative points, or say what a good answer does",
        )
    if points < 0 and (good := _GOOD.search(criterion)):
        return Finding(
            kind="sign",
            reason=f"{good[0].strip()!r} reads like something good, and costs {-points:g} points",
            suggestion="give it positive points, or say what makes it bad",
        )
    return None


def _turned(criterion: str, harm: re.Match[str]) -> bool:
    """Whether something before or within the harm turns it into its opposite."""
    opening = harm[0].split()[0]
    told = criterion[: harm.end()].replace(opening, "", 1)
    return bool(_TURNED.search(told))
