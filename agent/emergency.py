"""The referral at the top of an answer to a question that tells of an emergency. Pure."""

from collections.abc import Sequence
from importlib.resources import files

import yaml

SENTENCES: dict[str, str] = yaml.safe_load(
    (files("agent") / "referrals.yaml").read_text(encoding="utf-8")
)["now"]


def referral(raised: Sequence[str], language: str) -> str:
    """The sentence in this language; empty when nothing was raised."""
    return SENTENCES.get(language, SENTENCES["en"]) if raised else ""


def with_referral(answer: str, first: str) -> str:
    """The answer with the sentence at its very top, once."""
    if not first or answer.startswith(first):
        return answer
    return f"{first}\n\n{answer}".strip()
