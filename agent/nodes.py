"""The steps of the agent. Each takes the episode so far and returns what it adds."""

from collections.abc import Iterable, Sequence
from importlib.resources import files

from agent.state import Attempt, Episode, Limits, best
from agent.stopping import stop_reason
from inference.chat import ChatModel, Sampling
from inference.messages import Conversation, Message
from inference.templates import fill
from mcp_server.client import HealthTools
from mcp_server.results import FoundPrinciple
from rubrics.types import Criterion, Rubric, unjudged
from rubrics.writer import Hint, RubricWriter

PROMPTS = files("agent") / "prompts"
DRAFT = (PROMPTS / "draft.md").read_text(encoding="utf-8")
REVISE = (PROMPTS / "revise.md").read_text(encoding="utf-8")
MISSED = (PROMPTS / "revise_missed.md").read_text(encoding="utf-8")
HARMFUL = (PROMPTS / "revise_harmful.md").read_text(encoding="utf-8")
ATTEMPTS = 3  # at an answer that is not empty
MOST_REPAIRS = 5  # missed criteria a revision takes on, the weightiest first


class Nodes:
    def __init__(
        self, policy: ChatModel, writer: RubricWriter, tools: HealthTools, limits: Limits
    ) -> None:
        self._policy, self._writer, self._tools, self._limits = policy, writer, tools, limits

    async def recall(self, episode: Episode) -> Episode:
        """Read the scenario and find the principles; those that only fill up are left out."""
        recalled = await self._tools.get_health_principles(
            episode["conversation"], k=self._limits.principles
        )
        on_topic = tuple(one for one in recalled.principles if one.on_topic)
        return {"recalled": recalled.model_copy(update={"principles": on_topic})}

    async def write_rubric(self, episode: Episode) -> Episode:
        """Say what a good answer to this question holds, before there is one."""
        hints = [_hint(principle) for principle in episode["recalled"].principles]
        return {"written": await self._writer.write(episode["conversation"], hints)}

    async def draft(self, episode: Episode) -> Episode:
        principles = episode["recalled"].principles
        system = fill(
            DRAFT,
            principles="\n".join(f"- {one.statement}" for one in principles),
            do=_lines(text for one in principles for text in _guidance(one, "do")[:1]),
            say=_lines(text for one in principles for text in _guidance(one, "say")[:1]),
        )
        return await self._answer(system, episode["conversation"])

    async def assess(self, episode: Episode) -> Episode:
        """Have the newest answer judged and decide whether to go on."""
        answer, rubric = episode["answer"], episode["written"].rubric
        if answer.strip():
            scored = await self._tools.score_against_rubric(episode["conversation"], answer, rubric)
            judge = Episode(judge=scored.judge, judge_agreement=scored.judge_agreement)
            verdicts, why = scored.verdicts, scored.reason
        else:
            judge, why = Episode(), f"the model gave an empty answer {ATTEMPTS} times"
            verdicts = unjudged(rubric, why)
        newest = Attempt.judged(answer, episode["truncated"], rubric, verdicts, why)
        attempts = (*episode.get("attempts", ()), newest)
        stop = stop_reason(attempts, self._limits)
        return {"attempts": attempts, "stop_reason": stop, **judge}

    async def revise(self, episode: Episode) -> Episode:
        """Write the best attempt again with what the judge missed or objected to."""
        attempt = episode["attempts"][best(episode["attempts"])]
        missed, harmful = _objections(attempt, episode["written"].rubric)
        wanted = {id for one in missed for id in one.principle_ids}
        helpful = [one for one in episode["recalled"].principles if one.id in wanted]
        system = fill(
            REVISE,
            answer=attempt.answer,
            objections=_told(missed, harmful, attempt),
            do=_lines(text for one in helpful for text in _guidance(one, "do")),
            say=_lines(text for one in helpful for text in _guidance(one, "say")),
        )
        return await self._answer(system, episode["conversation"])

    async def _answer(self, system: str, conversation: Conversation) -> Episode:
        messages = [Message(role="system", content=system), *conversation.messages]
        for attempt in range(ATTEMPTS):
            # The first is greedy; after an empty reply the next must differ.
            warmth = 0.0 if attempt == 0 else 0.7
            sampling = Sampling(temperature=warmth, max_tokens=2048, seed=attempt)
            reply = await self._policy.complete(messages, sampling)
            if reply.text.strip():
                break
        return {"answer": reply.text, "truncated": reply.truncated}


def _objections(
    attempt: Attempt, rubric: Rubric
) -> tuple[Sequence[Criterion], Sequence[Criterion]]:
    """Good criteria that are unmet, and bad ones that are met; open ones are no objection."""
    value = {verdict.criterion_id: verdict.verdict for verdict in attempt.verdicts}
    weighty = sorted(rubric.criteria, key=lambda one: -abs(one.points))
    missed = [one for one in weighty if one.points > 0 and value[one.id] == "UNMET"]
    harmful = [one for one in weighty if one.points < 0 and value[one.id] == "MET"]
    return missed[:MOST_REPAIRS], harmful


def _told(missed: Sequence[Criterion], harmful: Sequence[Criterion], attempt: Attempt) -> str:
    """The objections in words; a kind without any is not mentioned, lest a fault be invented."""
    quote = {verdict.criterion_id: verdict.quote for verdict in attempt.verdicts}
    told = []
    if missed:
        told.append(fill(MISSED, missed=_lines(f"- {one.criterion}" for one in missed)))
    if harmful:
        listed = _lines(f"- {one.criterion}" for one in harmful)
        quoted = _lines(quote[one.id].replace("\n", " ") for one in harmful)
        told.append(fill(HARMFUL, harmful=listed, drop=quoted))
    return "\n".join(told).strip()


def _hint(principle: FoundPrinciple) -> Hint:
    return Hint(
        principle_id=principle.id,
        statement=principle.statement,
        criteria=principle.criteria,
    )


def _guidance(principle: FoundPrinciple, kind: str) -> list[str]:
    return [text for one in principle.guidance if (text := getattr(one, kind))]


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(texts)
