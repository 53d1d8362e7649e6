"""What a judge's model is asked, and what is read out of its reply.

What all criteria of an answer share stands first (instructions, conversation, answer), so that a
server with prefix caching reads it once for all modes; the criteria stand last. Each has a key that
an answer cannot guess: a verdict written into the answer beforehand bears none.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Literal

from inference.errors import BadInput
from inference.messages import Conversation
from inference.templates import fill
from inference.words import Word, read
from rubrics.errors import UnreadableReply
from rubrics.fencing import fenced
from rubrics.parsing import json_object
from rubrics.types import Criterion
from rubrics.untrusted import visible

PROMPT = (files("rubrics") / "prompts" / "judge.md").read_text(encoding="utf-8")
ONE_WORD = "Reply with one word, MET if it is true of the answer, or else UNMET.\n"
PROMPT_HASH = hashlib.sha256((PROMPT + ONE_WORD).encode()).hexdigest()[:12]
LONGEST_EXPLANATION, LONGEST_QUOTE = 600, 300  # characters


class Opinion(Word):
    """What the model writes of one criterion, in this order: reasons come before the decision."""

    explanation: str
    quote: str
    verdict: Literal["MET", "UNMET", "NOT_APPLICABLE", "ABSTAIN"]


def shared_part(conversation: Conversation, answer: str) -> str:
    """The beginning of every prompt about one answer."""
    return fill(
        PROMPT,
        conversation=fenced(visible(conversation.as_text())),
        answer=fenced(visible(answer)),
    )


def question_about(criteria: Sequence[Criterion]) -> str:
    """The end of a prompt: the criteria with their keys."""
    return "\n".join(f"{key_of(one)}: {_as_string(one.criterion)}" for one in criteria) + "\n"


def one_word_about(criterion: Criterion) -> str:
    """The end of a prompt that wants a single token."""
    return f"{_as_string(criterion.criterion)}\n{ONE_WORD}"


def key_of(criterion: Criterion) -> str:
    """A name that depends on the criterion alone, so that prompts repeat from answer to answer."""
    return "k" + hashlib.sha256(f"{criterion.id}\n{criterion.criterion}".encode()).hexdigest()[:7]


def schema_for(criteria: Sequence[Criterion]) -> dict[str, Any]:
    """The shape of the reply: an opinion under each key."""
    keys = [key_of(one) for one in criteria]
    opinion = {
        "type": "object",
        "properties": {
            "explanation": {"type": "string", "maxLength": LONGEST_EXPLANATION},
            "quote": {"type": "string", "maxLength": LONGEST_QUOTE},
            "verdict": {"type": "string", "enum": ["MET", "UNMET", "NOT_APPLICABLE", "ABSTAIN"]},
        },
        "required": ["explanation", "quote", "verdict"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": dict.fromkeys(keys, opinion),
        "required": keys,
        "additionalProperties": False,
    }


def opinions_in(text: str, criteria: Sequence[Criterion]) -> Mapping[str, Opinion]:
    """The opinion of each criterion, by its id.

    Raises:
        UnreadableReply: a criterion has none, or there are others than those asked for.
    """
    found = json_object(text)
    wanted = {key_of(one): one.id for one in criteria}
    if set(found) != set(wanted):
        missing, foreign = len(set(wanted) - set(found)), len(set(found) - set(wanted))
        raise UnreadableReply(f"{missing} of {len(wanted)} keys are missing, {foreign} are foreign")
    try:
        return {wanted[key]: read(Opinion, said, "reply") for key, said in found.items()}
    except BadInput as error:
        raise UnreadableReply(error.without_values()) from None


def _as_string(text: str) -> str:
    return json.dumps(visible(text), ensure_ascii=False)
