"""`clinalign ask`: one question through the whole house."""

import asyncio
import json
from typing import Any

from agent.state import Attempt, Episode, Limits, best
from clinalign.commands.files import read_json
from clinalign.commands.principles import scenario_data
from clinalign.desk import open_desk
from clinalign.render import show_episode
from clinalign.settings import Settings
from inference.errors import BadInput
from inference.messages import Conversation
from inference.words import read


def run(
    question: str,
    conversation: str,
    rounds: int,
    base_url: str,
    model: str,
    overlay: str,
    as_json: bool,
) -> None:
    """Answer and print.

    Raises:
        ClinalignError: the question, a model or the data folder cannot be used.
    """
    asked = _conversation(question, conversation)
    settings = Settings.from_environment(base_url=base_url, model=model, overlay=overlay)
    episode, policy = asyncio.run(_work(settings, asked, Limits(rounds=rounds)))
    if as_json:
        print(json.dumps(as_data(episode, policy), ensure_ascii=False))
    else:
        show_episode(episode, policy)


async def _work(settings: Settings, asked: Conversation, limits: Limits) -> tuple[Episode, str]:
    async with open_desk(settings) as desk:
        return await desk.ask(asked, limits), desk.policy.name


def as_data(episode: Episode, policy: str) -> dict[str, Any]:
    """The episode as the one JSON object that programs read."""
    recalled, attempts = episode["recalled"], episode["attempts"]
    chosen = best(attempts)
    shown = {"id", "statement", "score", "why", "sources"}
    return {
        "question": episode["conversation"].question,
        "scenario": scenario_data(recalled),
        "principles": [one.model_dump(mode="json", include=shown) for one in recalled.principles],
        "rubric": episode["written"].rubric.rows(),
        "rubric_by": episode["written"].written_by,
        "attempts": [_attempt(attempt) for attempt in attempts],
        "chosen": chosen,
        "answer": attempts[chosen].answer,
        "stop_reason": episode["stop_reason"],
        "judge": episode.get("judge", "none: there was nothing to judge"),
        "judge_agreement": episode.get("judge_agreement", ""),
        "model": policy,
        "library": recalled.library.model_dump(),
        "notes": notes(episode),
    }


def notes(episode: Episode) -> list[str]:
    """What the reader should know beside the answer."""
    chosen = episode["attempts"][best(episode["attempts"])]
    found = [episode["recalled"].note, episode["written"].note, chosen.ungraded]
    found.append("the answer was cut off at the model's token limit" if chosen.truncated else "")
    return [note for note in found if note]


def _attempt(attempt: Attempt) -> dict[str, Any]:
    points = attempt.score.model_dump()
    if attempt.ungraded:  # nothing was judged: no zero may stand for it
        points |= dict.fromkeys(("earned", "possible", "fraction"))
    return {
        "answer": attempt.answer,
        "score": points,
        "ungraded": attempt.ungraded,
        "truncated": attempt.truncated,
        "verdicts": [verdict.model_dump() for verdict in attempt.verdicts],
    }


def _conversation(question: str, path: str) -> Conversation:
    """The turns of the file, then the question as the next one; either may be left out."""
    turns = _turns(read_json(path, "--conversation")) if path else []
    if question or not turns:
        turns = [*turns, {"role": "user", "content": question}]
    return read(Conversation, {"messages": turns}, "question")


def _turns(given: Any) -> list[Any]:
    """The messages of a list, or of a benchmark's or an API's row that holds one."""
    if isinstance(given, dict):
        given = given.get("prompt", given.get("messages"))
    if not isinstance(given, list):
        raise BadInput("--conversation", "a list of {role, content}, or an object with `prompt`")
    return given
