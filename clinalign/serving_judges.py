"""Which judge the served tools use, opened when an answer is first scored."""

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Literal

from clinalign.models import client
from clinalign.passports import kept_passport
from clinalign.settings import Settings, who_judges
from clinalign.verifiers import in_stages, open_verifier
from inference.chat import ChatModel
from inference.embedding import MemoEmbedder
from inference.endpoint import Endpoint
from inference.gate import Gate
from mcp_server.house import Judging, always
from rubrics.builtin_judge import BuiltinJudge, builtin_fingerprint
from rubrics.judge import Judge, Mode
from rubrics.model_judge import IN_FLIGHT, Manner, ModelJudge, fingerprint
from rubrics.verdict_cache import RememberingJudge, VerdictCache

if TYPE_CHECKING:
    from inference.openai_compatible import OpenAICompatibleChat


def judges_of(
    settings: Settings,
    otherwise: Literal["builtin", "client"],
    embedder: MemoEmbedder,
    judging: ChatModel | None,
    closing: AsyncExitStack,
    remembers: bool = False,
) -> Judging:
    """The judge for each way of asking; none where the caller is to judge.

    Args:
        settings: the choice, and the judge model.
        otherwise: who judges if neither is configured.
        embedder: of the built-in judge.
        judging: a model in place of the configured one.
        closing: is told how to close what will be opened.
        remembers: keep the verdicts of a model in the data folder.

    Raises:
        BadInput: a model or a verifier is wanted and none is configured.
        StorageError: the verifier's files are damaged.
    """
    chosen = who_judges(settings, otherwise, judging is not None)
    if chosen == "model":
        return _ModelJudges(settings, judging, closing, remembers)
    if chosen == "distilled":
        return always(open_verifier(settings))
    passport = kept_passport(settings.data_dir, builtin_fingerprint())
    return always(BuiltinJudge(embedder, passport) if chosen == "builtin" else None)


class _ModelJudges:
    """Judges by one model, which is looked for when the first answer is scored."""

    def __init__(
        self,
        settings: Settings,
        chat: ChatModel | None,
        closing: AsyncExitStack,
        remembers: bool,
    ) -> None:
        self._settings, self._chat, self._closing = settings, chat, closing
        self._looking = asyncio.Lock()
        if settings.judge and chat is None:
            _load_libraries(settings.judge)  # here, not among the calls
        self._cache = VerdictCache(settings.data_dir / "verdicts") if remembers else None
        if self._cache:
            closing.callback(self._cache.close)
        self._gate = Gate(IN_FLIGHT)
        self._verifier = open_verifier(settings) if settings.judge_folder else None
        self._judges: dict[Mode, Judge] = {}

    async def __call__(self, mode: Mode) -> Judge:
        """The judge.

        Raises:
            ModelError: the model cannot be reached, or is not there.
        """
        async with self._looking:
            if self._chat is None:
                await self._look()
        assert self._chat is not None
        if mode not in self._judges:
            manner = Manner(mode=mode)
            measured = fingerprint(self._chat.name, manner)
            passport = kept_passport(self._settings.data_dir, measured)
            judge = ModelJudge(self._chat, manner, passport, self._gate)
            cached = RememberingJudge(judge, self._cache) if self._cache else judge
            self._judges[mode] = in_stages(self._settings, mode, self._verifier, cached)
        return self._judges[mode]

    async def _look(self) -> None:
        assert self._settings.judge is not None
        chat = await client(self._settings.judge, bulk=True).connected()
        self._closing.push_async_callback(self._close, chat)
        self._chat = chat

    async def _close(self, chat: "OpenAICompatibleChat") -> None:
        """It can be looked for anew."""
        self._chat = None
        self._judges.clear()
        await chat.aclose()


def _load_libraries(endpoint: Endpoint) -> None:
    client(endpoint, bulk=True)
    from inference.connections import trust

    trust()
