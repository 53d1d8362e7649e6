"""Breaks ties: where all answers to a question earned the same, a model is asked which is better.

Each two neighbours of a ring are compared in both orders; only what is said in both counts, since
models like what they read first.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files

from inference.chat import ChatModel, Sampling
from inference.errors import ModelError
from inference.messages import Message
from inference.templates import fill
from rubrics.fencing import fenced
from training.reward import Rewarded, Sample

SAME = 1e-9
_CHOICE = re.compile(r"\b([AB])\b")


class TieBreaker:
    def __init__(self, chat: ChatModel, gain: float) -> None:
        """Make it.

        Args:
            chat: compares.
            gain: what an answer that wins both its comparisons gains, and a loser of both loses.
        """
        self._chat, self._gain = chat, gain

    async def broken(
        self, samples: Sequence[Sample], rewarded: Sequence[Rewarded]
    ) -> list[Rewarded]:
        """The same rewards, apart where a whole group earned the same."""
        found = list(rewarded)
        for group in _tied(samples, rewarded):
            wins = await self._wins([samples[place] for place in group])
            for place, won in zip(group, wins, strict=True):
                earned = found[place].reward
                if earned is not None:
                    found[place] = replace(found[place], reward=earned + self._gain * won / 2)
        return found

    async def _wins(self, group: Sequence[Sample]) -> list[int]:
        """Comparisons won less those lost, of two each."""
        ring = [(place, (place + 1) % len(group)) for place in range(len(group))]
        pairs = ring[:1] if len(group) == 2 else ring
        said = await asyncio.gather(*(self._better(group[a], group[b]) for a, b in pairs))
        wins = [0] * len(group)
        for (first, second), better in zip(pairs, said, strict=True):
            wins[first] += better
            wins[second] -= better
        return wins

    async def _better(self, one: Sample, other: Sample) -> int:
        """1 if the first is better, -1 if the second is, 0 if the model does not stand by it."""
        if one.answer == other.answer:
            return 0
        there, back = await asyncio.gather(self._choice(one, other), self._choice(other, one))
        return {("A", "B"): 1, ("B", "A"): -1}.get((there, back), 0)

    async def _choice(self, first: Sample, second: Sample) -> str:
        template = (files("training") / "prompts" / "better.md").read_text(encoding="utf-8")
        shown = {
            "conversation": fenced(first.asked.as_text()),
            "first": fenced(first.answer),
            "second": fenced(second.answer),
        }
        asked = [Message(role="user", content=fill(template, **shown))]
        try:
            reply = await self._chat.complete(asked, Sampling(max_tokens=8, thinking=False))
        except ModelError:
            return ""  # the tie stays
        found = _CHOICE.search(reply.text)
        return found[1] if found else ""


def _tied(samples: Sequence[Sample], rewarded: Sequence[Rewarded]) -> list[list[int]]:
    """The places of each group that earned one and the same."""
    groups: dict[str, list[int]] = {}
    for place, sample in enumerate(samples):
        if rewarded[place].reward is not None:
            groups.setdefault(sample.group, []).append(place)
    return [group for group in groups.values() if len(group) > 1 and _same(group, rewarded)]


def _same(group: Sequence[int], rewarded: Sequence[Rewarded]) -> bool:
    earned = [rewarded[place].reward or 0.0 for place in group]
    return max(earned) - min(earned) < SAME
