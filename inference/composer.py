"""The built-in chat model that is no language model: it joins sentences of the system message.

It reads three kinds of block there, and only there, so that a conversation cannot dictate to it:
`<keep>` text to start from, `<drop>` quotes whose sentences are left out, `<say>` one sentence a
line to add when they are not there yet. Everything else in the messages is ignored.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inference.chat import Heard, Reply, Sampling, unheard
from inference.errors import ModelError
from inference.messages import Message
from inference.sentences import sentences_of


class Composer:
    name = "composer (no language model)"

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling = Sampling(),
        schema: Mapping[str, Any] | None = None,
        heard: Heard = unheard,
    ) -> Reply:
        if schema is not None:
            raise ModelError(f"{self.name} writes no JSON; configure a model, or do without")
        said = "\n".join(message.content for message in messages if message.role == "system")
        dropped = _block(said, "drop")
        kept = [
            sentence
            for sentence in sentences_of("\n".join(_block(said, "keep")))
            if not any(quote in sentence for quote in dropped)
        ]
        text = "\n".join(_distinct([*kept, *_block(said, "say")]))
        if not text:
            raise ModelError(
                f"{self.name} found nothing to say; configure a model for this question"
            )
        heard(text)
        return Reply(text=text)


def _block(text: str, tag: str) -> list[str]:
    """The lines of every `<tag>` block that are not blank."""
    found = re.findall(rf"^<{tag}>\n(.*?)^</{tag}>$", text, re.DOTALL | re.MULTILINE)
    lines = (line.strip() for part in found for line in part.split("\n"))
    return [line for line in lines if line]


def _distinct(sentences: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(sentences))
