"""The function that verl's settings name: the reward, with the judge of the environment.

    reward.custom_reward_function.path=pkg://clinalign.verl_score
    reward.custom_reward_function.name=compute_score

`tools_of_environment` serves verifiers and OpenEnv as well. See `training.verl_reward` for what
verl does with an answer that could not be judged.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from clinalign.parts import connected_chat, open_server
from clinalign.settings import Settings
from clinalign.teaching import refuse_builtin
from mcp_server.client import HealthTools, connected
from training.adapters import kept_open
from training.verl_reward import score


@asynccontextmanager
async def tools_of_environment() -> AsyncIterator[HealthTools]:
    """The tools, with the judge model that the variables `CLINALIGN_JUDGE_...` name.

    Raises:
        BadInput: no judge model is named.
        ModelError: it cannot be reached, or is not there.
    """
    settings = Settings.from_environment()
    refuse_builtin(settings)
    async with AsyncExitStack() as opened:
        chat = await connected_chat(settings.judge, opened, bulk=True)
        server = open_server(settings, chat, remembers=True)
        yield await opened.enter_async_context(connected(server))


_reward = kept_open(tools_of_environment)


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,
    **_: Any,
) -> dict[str, float]:
    """As verl calls it, by these names; the judge is opened at the first call.

    Raises:
        BadInput: no judge model is named, or the row cannot be used.
        ModelError: the judge model cannot be reached, or is not there.
        NoReward: the answer could not be judged.
        TooManyUngraded: too many of the newest answers could not be judged.
    """
    return await score(_reward(), solution_str, ground_truth, extra_info)
