"""The reward of one answer: its fraction of points, from the very tool that is served.

Trainers give it to TRL, for which `None` means no reward: the sample is left out.
"""

from inference.messages import Conversation
from mcp_server.client import HealthTools
from rubrics.types import Rubric

REFUSED_JUDGE = "built-in"


class UnfitJudge(ValueError):
    """The judge must not steer training."""


async def reward(
    tools: HealthTools, conversation: Conversation, answer: str, rubric: Rubric
) -> float | None:
    """Share of points the answer earns, unclipped; None unless every criterion was judged.

    Raises:
        UnfitJudge: the built-in judge scored, or nobody did. The former reads words: a policy would
            learn to write more.
        ToolRefused: the tool refused the call.
    """
    scored = await tools.score_against_rubric(conversation, answer, rubric)
    if scored.judge.startswith(REFUSED_JUDGE) or scored.status == "needs_verdicts":
        raise UnfitJudge(f"{scored.judge} cannot reward; set CLINALIGN_JUDGE_BASE_URL")
    # A zero would teach the policy that the judge's bad minute was its own.
    return scored.score.fraction if scored.score else None
