"""Asks a model for what distillation needs words or judgement for.

Each call is tried a few times until the reply can be read. A reply that never can is an
`UnreadableReply`, and whoever asked does without; a model that is not there at all ends the work.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import Field

from inference.chat import ChatModel, Sampling
from inference.errors import BadInput, ModelError, ModelUnknown, ModelUnreachable
from inference.gate import Gate
from inference.json_schemas import object_of
from inference.messages import Message
from inference.templates import fill
from inference.words import Word, read
from principle_store.distilling.prompt import (
    LONGEST,
    Difference,
    difference_told,
    numbered,
    principle_schema,
    quoted,
    sample,
    spread,
    template,
)
from principle_store.distilling.words import Cluster, Draft, Gathered, Wish
from rubrics.errors import UnreadableReply
from rubrics.parsing import json_object
from rubrics.types import Text

ATTEMPTS = 3
IN_FLIGHT = 16  # calls at once
WARMTH = 0.7  # of a later attempt, which must differ or it would fail the same way
TOGETHER = 20  # criteria restated in one call
SHOWN = 40  # criteria of a cluster that the model is shown
Reply = TypeVar("Reply")


class Written(Word):
    """What a model wrote of a cluster."""

    draft: Draft
    not_of_it: tuple[int, ...] = ()
    """Places of members that it holds to be after something else."""


class _Said(Word):
    statement: Text = Field(max_length=LONGEST)
    rationale: str = Field(default="", max_length=2 * LONGEST)
    criteria: tuple[Wish, ...] = Field(min_length=1, max_length=4)
    guidance: tuple[Text, ...] = Field(default=(), max_length=6)
    not_of_it: tuple[int, ...] = ()


class DistillingWriter:
    def __init__(self, chat: ChatModel) -> None:
        self._chat, self._gate = chat, Gate(IN_FLIGHT)

    @property
    def name(self) -> str:
        return self._chat.name

    async def restated(self, texts: Sequence[str]) -> list[str]:
        """What each of up to `TOGETHER` criteria is after, in English that reads alike.

        Raises:
            UnreadableReply: no attempt could be read.
            ModelUnreachable: nothing answers.
            ModelUnknown: the server does not have the model.
        """
        keys = [str(number) for number in range(1, len(texts) + 1)]
        listed = "\n".join(f"{key}. {quoted(text)}" for key, text in zip(keys, texts, strict=True))
        sentence = {"type": "string", "minLength": 3, "maxLength": LONGEST}

        def understood(said: Mapping[str, Any]) -> list[str]:
            found = _read(dict[str, Text], {key: said.get(key) for key in keys})
            return [found[key] for key in keys]

        return await self._asked(
            fill(template("restate"), criteria=listed),
            object_of(dict.fromkeys(keys, sentence)),
            60 * len(texts) + 100,
            understood,
        )

    async def same(
        self, group: Sequence[Gathered], others: Sequence[Sequence[Gathered]]
    ) -> list[int]:
        """The places of those groups that are after the same as the first.

        Raises:
            UnreadableReply: no attempt could be read.
            ModelUnreachable: nothing answers.
            ModelUnknown: the server does not have the model.
        """
        groups = "\n\n".join(
            f"Group {number}:\n{sample(one)}" for number, one in enumerate(others, start=1)
        )
        numbers = {"type": "integer", "minimum": 1, "maximum": len(others)}

        def understood(said: Mapping[str, Any]) -> list[int]:
            named = _read(tuple[int, ...], said.get("same"))
            return [number - 1 for number in dict.fromkeys(named) if 1 <= number <= len(others)]

        return await self._asked(
            fill(template("same"), group=sample(group), others=groups),
            object_of({"same": {"type": "array", "maxItems": len(others), "items": numbers}}),
            200,
            understood,
        )

    async def principle(self, cluster: Cluster, gathered: Sequence[Gathered]) -> Written:
        """The principle that the members of a cluster come from.

        Raises:
            UnreadableReply: no attempt could be read.
            ModelUnreachable: nothing answers.
            ModelUnknown: the server does not have the model.
        """
        shown = spread(cluster.members, SHOWN)

        def understood(said: Mapping[str, Any]) -> Written:
            found = _draft_in(said)
            named = [shown[one - 1] for one in found.not_of_it if 1 <= one <= len(shown)]
            return Written(draft=self._as_draft(found), not_of_it=tuple(dict.fromkeys(named)))

        prompt = fill(template("principle"), criteria=numbered(shown, gathered))
        return await self._asked(prompt, principle_schema(len(shown)), 900, understood)

    async def revised(
        self,
        draft: Draft,
        cluster: Cluster,
        gathered: Sequence[Gathered],
        differences: Sequence[Difference],
    ) -> Draft:
        """The draft, mended where it comes to other verdicts than people.

        Raises:
            UnreadableReply: no attempt could be read.
            ModelUnreachable: nothing answers.
            ModelUnknown: the server does not have the model.
        """
        shown = {"statement", "rationale", "criteria", "guidance"}
        principle = json.dumps(draft.model_dump(mode="json", include=shown), ensure_ascii=False)
        prompt = fill(
            template("revise"),
            principle=principle,
            criteria=numbered(spread(cluster.members, SHOWN), gathered),
            differences="\n\n".join(map(difference_told, differences)),
        )
        return await self._asked(
            prompt, principle_schema(0), 900, lambda said: self._as_draft(_draft_in(said))
        )

    def _as_draft(self, said: _Said) -> Draft:
        return Draft(
            statement=said.statement,
            rationale=said.rationale.strip(),
            criteria=said.criteria,
            guidance=said.guidance,
            by=self.name,
        )

    async def _asked(
        self,
        prompt: str,
        schema: Mapping[str, Any],
        tokens: int,
        understood: Callable[[Mapping[str, Any]], Reply],
    ) -> Reply:
        why = ""
        for attempt in range(ATTEMPTS):
            sampling = Sampling(
                temperature=WARMTH if attempt else 0.0, max_tokens=tokens, seed=attempt
            )
            try:
                async with self._gate:
                    messages = [Message(role="user", content=prompt)]
                    said = await self._chat.complete(messages, sampling, schema)
                return understood(json_object(said.text))
            except (ModelUnreachable, ModelUnknown):
                raise
            except (UnreadableReply, ModelError) as error:
                why = error.without_values()
        raise UnreadableReply(f"{self.name}: nothing usable in {ATTEMPTS} attempts ({why})")


def _draft_in(said: Mapping[str, Any]) -> _Said:
    found: _Said = _read(_Said, {name: said[name] for name in _Said.model_fields if name in said})
    if found.criteria[0].points < 0:
        raise UnreadableReply("the first criterion is not the good thing")
    return found


def _read(kind: Any, data: Any) -> Any:
    try:
        return read(kind, data, "reply")
    except BadInput as error:
        raise UnreadableReply(error.without_values()) from None
