"""Parts what a model thinks from what it answers, also while the text is still coming.

Servers with a reasoning parser send the two apart. Without one the thoughts stand in the text:
`<think>...</think>`, or, where the chat template has written the first tag, `...</think>`. What a
model of the latter kind thinks looks like an answer until it ends, so it is held back where it
must be expected; where nothing hinted at it, the first such reply is told too early.
"""

import re

from inference.chat import Heard

OPENS, CLOSES = "<think>", "</think>"
_THINKERS = re.compile(r"thinking|reason|qwq|[-_/]r1\b", re.IGNORECASE)


def always_thinks(model: str) -> bool:
    """Whether the name is that of a model whose template opens the thoughts for it."""
    return bool(_THINKERS.search(model))


class Listener:
    """Takes the text of one reply piece by piece, and tells what of it is the answer.

    Args:
        heard: is told the answer.
        wanted: whether the model was asked to think, if it was asked at all.
        unopened: the thoughts of this model come without their first tag.
    """

    def __init__(self, heard: Heard, wanted: bool | None = None, unopened: bool = False) -> None:
        self._heard, self._wanted, self._unopened = heard, wanted, unopened
        self._text, self._told = "", ""
        self._apart = False
        self.cut_thinking = False
        """Nothing was answered: the text ends while the model still thinks."""
        self.closed_unopened = False
        """The thoughts came without their first tag."""

    @property
    def has_told(self) -> bool:
        return bool(self._told)

    def think_apart(self) -> None:
        """The server sends thoughts in a field of their own: the text is all answer."""
        self._apart = True

    def take(self, piece: str) -> None:
        if piece:
            self._text += piece
            self._tell(self._answer(ended=False))

    def finish(self, cut: bool) -> str:
        """The answer, when no more text comes; `cut` when a limit ended it."""
        answer = self._answer(ended=True)
        expected = self._unopened and not self.closed_unopened
        if cut and expected and not self._is_plain():
            answer, self.cut_thinking = "", True
        self._tell(answer)
        return answer

    def _answer(self, ended: bool) -> str:
        """What of the text so far is surely answer."""
        text = self._text
        begun = text.lstrip()
        if begun.startswith(OPENS):
            _, closed, answer = begun.partition(CLOSES)
            self.cut_thinking = ended and not closed
            return answer.lstrip()
        if not ended and OPENS.startswith(begun):
            return ""
        if self._is_plain():
            return text
        _, closed, answer = text.partition(CLOSES)
        if closed:
            self.closed_unopened = True
            return answer.lstrip()
        if ended:
            return text
        expected = self._wanted or self._unopened
        return "" if expected else text[: len(text) - _begun_tag(text)]

    def _is_plain(self) -> bool:
        """Whether thoughts without their first tag cannot be in the text."""
        # A JSON reply may quote the tag; thoughts do not begin like JSON.
        begins = self._text.lstrip().startswith(("{", "[", OPENS))
        return begins or self._apart or self._wanted is False

    def _tell(self, answer: str) -> None:
        if not answer.startswith(self._told):
            self._told = ""  # thoughts were taken for the answer; it comes now
        if new := answer[len(self._told) :]:
            self._told = answer
            self._heard(new)


def _begun_tag(text: str) -> int:
    """How many of the last characters may be the beginning of the closing tag."""
    return next((size for size in range(len(CLOSES) - 1, 0, -1) if text.endswith(CLOSES[:size])), 0)
