"""The reward as an environment of OpenEnv: `reset` asks a question, `step` takes the answer.

`RubricEnvironment` needs no library. `served` puts it behind OpenEnv's server (read and tested:
openenv-core 0.3.0), whose observations know `None`: an answer that could not be judged ends its
episode with the reward `None` and the words why.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

from pydantic import Field

from inference.errors import BadInput, ClinalignError
from inference.messages import Message
from inference.words import Word
from training.adapters import SingleReward, beside
from training.reward import Rewarded, Sample, answer_in
from training.run_data import Task


class NotAsked(ClinalignError):
    """An answer came where no question stands."""


class Answer(Word):
    """OpenEnv's action."""

    answer: str
    metadata: dict[str, Any] = Field(default={})


class Observed(Word):
    """OpenEnv's observation: the question, then what its answer earned."""

    prompt_id: str
    messages: tuple[Message, ...] = ()
    done: bool = False
    reward: float | None = None
    """None before the answer, and where it could not be judged."""
    why: str = ""
    """Why an answer has no reward."""
    metadata: dict[str, Any] = Field(default={})


class Episode(Word):
    """OpenEnv's state."""

    episode_id: str | None = None
    step_count: int = 0


class RubricEnvironment:
    """One question and one answer an episode."""

    SUPPORTS_CONCURRENT_SESSIONS = True  # what they share is the reward, which is made for it

    def __init__(self, reward: SingleReward, tasks: Sequence[Task]) -> None:
        """Make it. Whoever opened the reward closes it."""
        super().__init__()
        self._reward, self._tasks = reward, {one.prompt_id: one for one in tasks}
        self._asked: Task | None = None
        self._episode = Episode()

    def reset(
        self, seed: int | None = None, episode_id: str | None = None, prompt_id: str = ""
    ) -> Observed:
        """Ask the question of this id, or one that the seed picks, or any.

        Raises:
            BadInput: there is no such question.
        """
        if prompt_id and prompt_id not in self._tasks:
            raise BadInput("prompt_id", "the `prompt_id` of one of the rows", prompt_id)
        task = self._tasks[prompt_id or Random(seed).choice(list(self._tasks))]
        self._asked, self._episode = task, Episode(episode_id=episode_id)
        return Observed(prompt_id=task.prompt_id, messages=task.asked.messages)

    async def reset_async(
        self, seed: int | None = None, episode_id: str | None = None, prompt_id: str = ""
    ) -> Observed:
        """The same; there is nothing to wait for."""
        return self.reset(seed, episode_id, prompt_id)

    def step(self, action: Answer, timeout_s: float | None = None) -> Observed:
        """What the answer earned, which ends the episode; `timeout_s` is OpenEnv's, and unused.

        Raises:
            NotAsked: `reset` was not called before.
            UnfitJudge: the built-in judge scored, or nobody did.
            TooManyUngraded: too many of the newest answers could not be judged.
        """
        sample = self._answered(action)
        return self._ended(self._reward.now(sample))

    async def step_async(self, action: Answer, timeout_s: float | None = None) -> Observed:
        """The same, within an event loop."""
        sample = self._answered(action)
        return self._ended(await self._reward.of(sample))

    @property
    def state(self) -> Episode:
        """How far it is."""
        return self._episode

    def close(self) -> None:
        """There is nothing of its own."""

    def _answered(self, action: Answer) -> Sample:
        if self._asked is None or self._episode.step_count:
            way = "call `reset` first; over plain HTTP each request has an environment of its own"
            raise NotAsked(f"no question waits for an answer; {way}, so use OpenEnv's client")
        self._episode = self._episode.model_copy(update={"step_count": 1})
        return Sample(self._asked.asked, answer_in(action.answer), self._asked.rubric)

    def _ended(self, found: Rewarded) -> Observed:
        assert self._asked is not None
        return Observed(
            prompt_id=self._asked.prompt_id, done=True, reward=found.reward, why=found.why
        )


def served(reward: SingleReward, tasks: Sequence[Task], most_sessions: int = 64) -> Any:
    """The environment behind OpenEnv's server, as an ASGI app.

    Raises:
        Lacking: openenv is not installed.
    """
    with beside("openenv", "openenv-core>=0.3,<0.4"):
        from openenv.core.env_server import Environment, create_fastapi_app

    class Served(RubricEnvironment, Environment):  # type: ignore[misc]
        """With what OpenEnv adds of its own."""

    def make() -> Any:  # no `partial`: OpenEnv tells a client how its factory looks, questions too
        return Served(reward, tasks)

    return create_fastapi_app(make, Answer, Observed, max_concurrent_envs=most_sessions)
