"""Questions with rubrics as a taskset of verifiers, whose tasks are scored by our reward.

Written for verifiers 0.4, where an environment is a taskset with a harness. It has no
`SingleTurnEnv` and no `Rubric` any more; its `null` harness with this taskset is a single turn.
What it does with an answer that has no reward was read in the source of 0.4.0 and is tested: an
exception of a reward becomes a `TaskError` of the trace, whose `ok` is then false and whose reward
stays `None`. Its total, `trace.reward`, still reads 0, so look at `ok` first.

The older `Rubric` (read in 0.1.14) turns every exception into 0.0: there is no honest way to it.
verifiers 0.4.0 pins `openai` below 3 and `mcp` to 2.0.0, with which our server does not run. This
side does: let `clinalign serve` run from an environment of its own, and connect to it with
`connected(stdio_client(StdioServerParameters(...)))`.
"""

from collections.abc import Callable, Iterator
from typing import Any

from training.adapters import SingleReward, beside, earned, sample_of
from training.run_data import Task, tasks_of


def rubric_taskset(reward: Callable[[], SingleReward]) -> Any:
    """The class of a taskset, to be exported by the module whose name verifiers is given.

    Its `rows` is a file of questions with rubrics, as `clinalign synthesize` writes it.

    Args:
        reward: is called when the first answer is scored (see `training.adapters.kept_open`).
            Tasks travel between processes as data, so that they cannot bring it along.

    Raises:
        Lacking: verifiers is not installed.
    """
    with beside("verifiers", "verifiers>=0.4,<0.5"):
        import verifiers.v1 as vf

    class RubricData(vf.TaskData):  # type: ignore[misc]
        rubrics: list[dict[str, Any]]

    class RubricTask(vf.Task[RubricData, vf.State, vf.TaskConfig]):  # type: ignore[misc]
        @vf.reward  # type: ignore[untyped-decorator]
        async def rubric(self, trace: Any) -> float:
            """The share of points.

            Raises:
                NoReward: the answer could not be judged.
            """
            asked = _question(self.data.prompt)
            return earned(await reward().of(sample_of(asked, self.data.rubrics, trace.last_reply)))

    class RubricConfig(vf.TasksetConfig):  # type: ignore[misc]
        rows: str = ""

    class RubricTaskset(vf.Taskset[RubricTask, RubricConfig]):  # type: ignore[misc]
        def load(self) -> Iterator[RubricTask]:
            for task in tasks_of(self.config.rows, "rows"):
                yield RubricTask(RubricData(**_data(task)), self.config.task)

    return RubricTaskset


def _data(task: Task) -> dict[str, Any]:
    """One turn is given as a text: not every harness begins with a conversation."""
    turns = [one.model_dump() for one in task.asked.messages]
    prompt = task.asked.question if len(turns) == 1 else turns
    return {"id": task.prompt_id, "prompt": prompt, "rubrics": task.rubric.rows()}


def _question(prompt: Any) -> Any:
    """The prompt of a task in our words; a system prompt set beside it is not judged."""
    if isinstance(prompt, str):
        return prompt
    return [{"role": one.role, "content": one.content} for one in prompt]
