"""The reward as verl asks for it: one answer, with the rubric as its ground truth.

verl names a function in `reward.custom_reward_function` (`clinalign.verl_score` has ours) and
knows no `None`. What it does with the rest was read in the source of verl 0.9.1:

- NaN is masked nowhere. `compute_grpo_outcome_advantage` takes the mean of a group, so one NaN
  makes every advantage of its group NaN.
- An exception passes the reward managers `naive` and `dapo`. The trainer (`use_v1`, the default)
  then drops the sample and marks its group a failure (`trainer/ppo/v1/agent_loop_tq.py`): async
  trainers draw another question, the sync one goes on with what the group still has and fills the
  batch up with samples that have no loss. The older trainer ends.
- The managers `rate_limited` and `prime` turn every exception into 0.0, and the former logs the
  answer. They must not be used with this reward.

So what could not be judged raises `NoReward`.
"""

import json
from collections.abc import Mapping
from typing import Any

from inference.errors import BadInput
from training.adapters import SingleReward, earned, sample_of
from training.run_data import Task


async def score(
    reward: SingleReward, solution: str, ground_truth: str, extra_info: Mapping[str, Any] | None
) -> dict[str, float]:
    """What verl takes: `score`, and figures that it logs.

    Args:
        reward: judges.
        solution: what the policy said.
        ground_truth: the rubric's rows as the text of a JSON list.
        extra_info: holds the question under `question`, a text or a conversation.

    Raises:
        BadInput: the row cannot be used; `verl_row` writes rows that can.
        NoReward: the answer could not be judged.
        UnfitJudge: the built-in judge scored, or nobody did.
        TooManyUngraded: too many of the newest answers could not be judged.
    """
    question = (extra_info or {}).get("question")
    found = await reward.of(sample_of(question, _rows(ground_truth), solution))
    return {"score": earned(found), "coverage": found.coverage}


def verl_row(task: Task, data_source: str = "clinalign") -> dict[str, Any]:
    """A question with its rubric as verl's data sets have it; write them as Parquet or JSONL."""
    asked = [one.model_dump() for one in task.asked.messages]
    rubric = json.dumps(task.rubric.rows(), ensure_ascii=False)
    return {
        "data_source": data_source,
        "prompt": asked,
        "reward_model": {"style": "rubric", "ground_truth": rubric},
        "extra_info": {"question": asked, "prompt_id": task.prompt_id},
    }


def _rows(ground_truth: str) -> Any:
    try:
        return json.loads(ground_truth)
    except (TypeError, ValueError):
        raise BadInput("ground_truth", "the rubric's rows as the text of a JSON list") from None
