"""What the agent tells while it works: small JSON objects, each named by its `event`.

`node` a step is done · `referral` the first sentence of an emergency · `tool` the model called one
· `token` a piece of an answer · `answer` it is whole · `progress` a verdict · `verdicts` all of
them · `diff` what a revision changed · `approval` a clinician is waited for · `end` the episode.
"""

import re
from difflib import SequenceMatcher
from typing import Any

from langgraph.config import get_stream_writer

Event = dict[str, Any]
_WORD = re.compile(r"\S+\s*")


def say(event: str, **data: Any) -> None:
    """Tell whoever follows the work; nobody need."""
    get_stream_writer()({"event": event, **data})


def piece(text: str) -> None:
    """Tell a piece of the answer."""
    say("token", text=text)


async def heard(progress: float, total: float | None, message: str | None) -> None:
    """Tell of a verdict."""
    say("progress", there=progress, expected=total, message=message or "")


def with_difference(event: Event) -> Event:
    """A `diff` with the words that changed in place of both texts; any other as it is."""
    if event["event"] != "diff":
        return event
    told = {name: what for name, what in event.items() if name not in ("before", "after")}
    return told | {"words": words_that_changed(event["before"], event["after"])}


def words_that_changed(before: str, after: str) -> list[list[str]]:
    """The newer text in runs of words: `["=", kept]`, `["-", gone]`, `["+", new]`."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    runs: list[list[str]] = []
    for kind, start, end, begun, done in SequenceMatcher(None, old, new, False).get_opcodes():
        if kind == "equal":
            runs.append(["=", "".join(old[start:end])])
            continue
        runs += [["-", "".join(old[start:end])]] if end > start else []
        runs += [["+", "".join(new[begun:done])]] if done > begun else []
    return runs
