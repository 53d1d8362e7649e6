"""Opens judges: from settings and a choice of manner to one that remembers and is measured."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from clinalign.models import client, open_vectors
from clinalign.passports import kept_passport
from clinalign.settings import Settings
from clinalign.verifiers import in_stages, open_verifier
from inference.endpoint import Endpoint
from inference.errors import BadInput
from inference.gate import Gate
from inference.ledger import Ledger, Metered
from inference.words import Word
from rubrics.builtin_judge import BuiltinJudge, builtin_fingerprint
from rubrics.judge import Judge
from rubrics.model_judge import Manner, ModelJudge, fingerprint
from rubrics.panel import Panel, Rule
from rubrics.verdict_cache import RememberingJudge, VerdictCache

WARM = 0.7  # votes of one model differ by sampling


class Choice(Word):
    """Which judge, and how it goes about it."""

    judge: Literal["auto", "builtin", "model", "distilled"] = "auto"
    """`auto`: the configured model, or else the built-in one."""
    manner: Manner = Manner()
    votes: int = Field(default=1, ge=1, le=25)
    rule: Rule = "majority"
    panel: tuple[str, ...] = ()
    """Further models at the judge's address."""
    in_flight: int = Field(default=64, ge=1, le=4096)
    """Calls at once."""
    remembers: bool = True
    """Whether verdicts are kept in the data folder."""


@dataclass(frozen=True)
class Bench:
    """A judge, and what its work has cost so far."""

    judge: Judge
    ledger: Ledger
    memories: tuple[RememberingJudge, ...]

    @property
    def found(self) -> int:
        """Verdicts that were remembered."""
        return sum(one.found for one in self.memories)


@asynccontextmanager
async def open_bench(settings: Settings, choice: Choice) -> AsyncIterator[Bench]:
    """The chosen judge.

    Raises:
        BadInput: a model or a verifier is wanted and none is configured.
        ModelError: a configured model cannot be reached, or is not there.
        StorageError: the data folder or the verifier cannot be used.
    """
    if choice.judge == "distilled":
        _check_one_vote(choice, "the distilled judge")
        yield Bench(open_verifier(settings), Ledger(), ())
        return
    endpoint = settings.judge if choice.judge != "builtin" else None
    if endpoint is None:
        # Not remembered: it is quick, and its verdicts depend on the code as well.
        yield Bench(_builtin(settings, choice), Ledger(), ())
        return
    ledger = Ledger()
    async with AsyncExitStack() as closing:
        voters: list[Judge] = await _voters(settings, endpoint, choice, ledger, closing)
        memories: tuple[RememberingJudge, ...] = ()
        if choice.remembers:
            # Each vote by itself: one that failed is asked again, the others are not.
            cache = VerdictCache(settings.data_dir / "verdicts")
            closing.callback(cache.close)
            memories = tuple(RememberingJudge(one, cache) for one in voters)
        judge = _together(settings, memories or voters, choice)
        mode = choice.manner.mode
        staged = mode == "fast" and settings.judge_folder
        verifier = open_verifier(settings) if staged else None
        yield Bench(in_stages(settings, mode, verifier, judge), ledger, memories)


async def _voters(
    settings: Settings,
    endpoint: Endpoint,
    choice: Choice,
    ledger: Ledger,
    closing: AsyncExitStack,
) -> list[Judge]:
    gate = Gate(choice.in_flight)
    voters: list[Judge] = []
    for one in _endpoints(endpoint, choice.panel):
        chat = await client(one, bulk=True).connected()
        closing.push_async_callback(chat.aclose)
        metered = Metered(chat, ledger, "judge")
        for manner in _manners(choice):
            passport = kept_passport(settings.data_dir, fingerprint(metered.name, manner))
            voters.append(ModelJudge(metered, manner, passport, gate))
    return voters


def _together(settings: Settings, voters: Sequence[Judge], choice: Choice) -> Judge:
    if len(voters) == 1:
        return voters[0]
    measured = Panel(voters, choice.rule).fingerprint
    return Panel(voters, choice.rule, kept_passport(settings.data_dir, measured))


def _builtin(settings: Settings, choice: Choice) -> Judge:
    if choice.judge == "model":
        raise BadInput(
            "--judge model", "a model server; set --base-url or CLINALIGN_JUDGE_BASE_URL"
        )
    _check_one_vote(choice, "the built-in judge")
    passport = kept_passport(settings.data_dir, builtin_fingerprint())
    return BuiltinJudge(open_vectors(settings).bundled, passport)


def _check_one_vote(choice: Choice, judge: str) -> None:
    if choice.votes > 1 or choice.panel:
        raise BadInput("--votes and --panel", f"a model server; {judge} has one opinion")


def _endpoints(endpoint: Endpoint, panel: tuple[str, ...]) -> list[Endpoint]:
    others = [endpoint.model_copy(update={"model": model}) for model in panel]
    return [endpoint, *others]


def _manners(choice: Choice) -> list[Manner]:
    if choice.votes == 1:
        return [choice.manner]
    return [
        choice.manner.model_copy(update={"temperature": WARM, "seed": seed})
        for seed in range(1, choice.votes + 1)
    ]
