"""The steps of the agent that make something. Each takes the state and returns what it adds.

What is made of judgements is in `agent.judging`; what happens within a step is told as it happens,
see `agent.events`.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files

from agent.budget import BudgetSpent, Paying, Purse, spending
from agent.emergency import referral, with_referral
from agent.events import piece, say
from agent.state import Attempt, Episode, Limits, Spent, State, ToolsBy, as_json, episode_of
from agent.tool_turns import ToolTurns
from inference.chat import ChatModel, Reply, Sampling, unheard
from inference.messages import Conversation, Message
from inference.templates import fill
from inference.words import read
from mcp_server.client import HealthTools
from mcp_server.results import FoundPrinciple
from rubrics.types import Criterion, Rubric, Scenario, Verdict
from rubrics.writer import Hint, RubricWriter, WriterOptions, WrittenRubric, ready_rubric

PROMPTS = files("agent") / "prompts"
DRAFT = (PROMPTS / "draft.md").read_text(encoding="utf-8")
DRAFT_TOOLS = (PROMPTS / "draft_tools.md").read_text(encoding="utf-8")
REVISE = (PROMPTS / "revise.md").read_text(encoding="utf-8")
GUIDANCE_DO = (PROMPTS / "guidance_do.md").read_text(encoding="utf-8")
GUIDANCE_SAY = (PROMPTS / "guidance_say.md").read_text(encoding="utf-8")
MISSED = (PROMPTS / "revise_missed.md").read_text(encoding="utf-8")
HARMFUL = (PROMPTS / "revise_harmful.md").read_text(encoding="utf-8")
DROP = (PROMPTS / "revise_drop.md").read_text(encoding="utf-8")
WANTED = (PROMPTS / "revise_wanted.md").read_text(encoding="utf-8")
ATTEMPTS = 3  # at an answer that is not empty
LONGEST_ANSWER = 2048  # tokens


class Nodes:
    def __init__(
        self,
        policy: ChatModel,
        writer: ChatModel | None,
        tools: HealthTools,
        limits: Limits,
        options: WriterOptions,
        tools_by: ToolsBy = "graph",
        streams: bool = True,
    ) -> None:
        self._policy, self._tools, self._limits = Paying(policy, "policy"), tools, limits
        self._heard = piece if streams else unheard
        calls_itself = tools_by == "model"
        self._turns = ToolTurns(self._policy, tools, self._heard) if calls_itself else None
        self._writer = RubricWriter(Paying(writer, "writer") if writer else None, options)

    async def recall(self, state: State) -> State:
        """Read the scenario and find the principles; those that only fill up are left out."""
        conversation = read(Conversation, state["conversation"], "thread")
        async with spent_by(state, self._limits) as made:
            found = await self._tools.get_health_principles(conversation, k=self._limits.principles)
            on_topic = tuple(one for one in found.principles if one.on_topic)
            made["recalled"] = as_json(found.model_copy(update={"principles": on_topic}))
            made["referral"] = referral(found.raised, found.language)
            made["notes"] = _noted(state, found.note)
            if made["referral"]:
                say("referral", text=made["referral"])
        return made

    async def write_rubric(self, state: State) -> State:
        """Say what a good answer to this question holds, before there is one."""
        episode = episode_of(state)
        hints = [_hint(principle) for principle in episode.recalled.principles]
        async with spent_by(state, self._limits, for_the_answer=True) as made:
            written = await self._written(episode, hints)
            made["written"] = as_json(written)
            made["notes"] = _noted(state, written.note)
        return made

    async def draft(self, state: State) -> State:
        episode = episode_of(state)
        principles = episode.recalled.principles
        if self._turns:
            return await self._answered(state, DRAFT_TOOLS, episode)
        system = fill(
            DRAFT,
            principles="\n".join(f"- {one.statement}" for one in principles),
            guidance=_guided(
                do=[text for one in principles for text in _guidance(one, "do")[:1]],
                say=[text for one in principles for text in _guidance(one, "say")[:1]],
            ),
        )
        return await self._answered(state, system, episode)

    async def revise(self, state: State) -> State:
        """Write the best attempt again with what the judge missed or objected to."""
        episode = episode_of(state)
        assert episode.written is not None
        attempt = episode.attempts[episode.chosen]
        missed, harmful = objections(attempt, episode.written, self._limits.repairs)
        wanted = {id for one in missed for id in one.principle_ids}
        helpful = [one for one in episode.recalled.principles if one.id in wanted]
        system = fill(
            REVISE,
            answer=attempt.answer.removeprefix(episode.referral).strip(),
            objections=_told(missed, harmful, attempt, state.get("wanted", "")),
            guidance=_guided(
                do=[text for one in helpful for text in _guidance(one, "do")],
                say=[text for one in helpful for text in _guidance(one, "say")],
            ),
        )
        return await self._answered(state, system, episode)

    async def _written(self, episode: Episode, hints: Sequence[Hint]) -> WrittenRubric:
        scenario = Scenario(labels=episode.recalled.scenario)
        try:
            return await self._writer.write(episode.conversation, hints, scenario)
        except BudgetSpent as spent:
            return WrittenRubric(
                rubric=ready_rubric(hint.criteria for hint in hints),
                written_by="the principles' own criteria",
                note=f"no rubric was written: {spent}",
            )

    async def _answered(self, state: State, system: str, episode: Episode) -> State:
        messages = [Message(role="system", content=system), *episode.conversation.messages]
        async with spent_by(state, self._limits) as made:
            reply = await self._reply(messages)
            made["answer"] = with_referral(reply.text, episode.referral)
            made["truncated"], made["by"] = reply.truncated, "policy"
            made["notes"] = _noted(state, reply.note)
            say("answer", round=len(episode.attempts), text=made["answer"])
        return made

    async def _reply(self, messages: Sequence[Message]) -> Reply:
        for attempt in range(ATTEMPTS):
            # The first is greedy; after an empty reply the next must differ.
            warmth = 0.0 if attempt == 0 else 0.7
            sampling = Sampling(temperature=warmth, max_tokens=LONGEST_ANSWER, seed=attempt)
            if self._turns:
                reply = await self._turns.reply(messages, sampling)
            else:
                reply = await self._policy.complete(messages, sampling, heard=self._heard)
            if reply.text.strip():
                break
        return reply


@asynccontextmanager
async def spent_by(
    state: State, limits: Limits, for_the_answer: bool = False
) -> AsyncIterator[State]:
    """What a step adds, with what it cost; a spent budget becomes the reason to stop.

    Args:
        state: so far.
        limits: of the episode.
        for_the_answer: leave something of the budget to whoever answers.
    """
    made = State()
    purse = Purse(limits, read(Spent, state["spent"], "thread"))
    if for_the_answer:
        purse.keep_for_the_answer()
    try:
        async with spending(purse):
            yield made
    except BudgetSpent as spent:
        made["stop_reason"] = spent.reason
    made["spent"] = as_json(purse.spent)


def objections(
    attempt: Attempt, written: WrittenRubric, most: int
) -> tuple[Sequence[Criterion], Sequence[Criterion]]:
    """Good criteria that are unmet, the worthiest first, and bad ones that are met.

    Open ones are no objection.
    """
    criteria = in_order_of_worth(written.rubric, written.ranked)
    missed = [one for one in criteria if one.points > 0 and attempt.value(one.id) == "UNMET"]
    harmful = [one for one in criteria if one.points < 0 and attempt.value(one.id) == "MET"]
    # What may not be lacking goes before what is likely to be gained.
    missed.sort(key=lambda one: not one.critical)
    return missed[:most], harmful


def in_order_of_worth(rubric: Rubric, ranked: Sequence[str]) -> Sequence[Criterion]:
    """The criteria as the writer ranked them; by points where it did not."""
    place = {id: number for number, id in enumerate(ranked)}
    return sorted(
        rubric.criteria, key=lambda one: (place.get(one.id, len(place)), -abs(one.points))
    )


def _told(
    missed: Sequence[Criterion], harmful: Sequence[Criterion], attempt: Attempt, wanted: str
) -> str:
    """The objections in words; a kind without any is not mentioned, lest a fault be invented."""
    said = {verdict.criterion_id: verdict for verdict in attempt.verdicts}
    told = []
    if missed:
        told.append(fill(MISSED, missed=_lines(_objection(one, said[one.id]) for one in missed)))
    if harmful:
        listed = _lines(_objection(one, said[one.id]) for one in harmful)
        told.append(fill(HARMFUL, harmful=listed))
        # What is counted, such as the length, has no words to quote.
        if quotes := [quote for one in harmful if (quote := said[one.id].quote)]:
            told.append(fill(DROP, drop=_lines(quote.replace("\n", " ") for quote in quotes)))
    if wanted:
        told.append(fill(WANTED, wanted=wanted))
    return "\n".join(told).strip()


def _objection(criterion: Criterion, verdict: Verdict) -> str:
    """The criterion with what the judge said of it, in one line."""
    explanation = " ".join(verdict.explanation.split())
    return f"- {criterion.criterion}" + (f" ({explanation})" if explanation else "")


def _guided(do: Sequence[str], say: Sequence[str]) -> str:
    """The guidance in words; a kind without any is not mentioned."""
    told = [fill(GUIDANCE_DO, do=_lines(do))] if do else []
    told += [fill(GUIDANCE_SAY, say=_lines(say))] if say else []
    return "\n".join(told).strip()


def _noted(state: State, note: str) -> list[str]:
    return [*state.get("notes", []), *([note] if note else [])]


def _hint(principle: FoundPrinciple) -> Hint:
    return Hint(
        principle_id=principle.id, statement=principle.statement, criteria=principle.criteria
    )


def _guidance(principle: FoundPrinciple, kind: str) -> list[str]:
    return [text for one in principle.guidance if (text := getattr(one, kind))]


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(texts)
