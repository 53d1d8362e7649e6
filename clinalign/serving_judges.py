"""Which judge the served tools use, opened when an answer is first scored."""

from typing import Literal

from clinalign.models import client
from clinalign.passports import kept_passport
from clinalign.settings import Settings
from inference.chat import ChatModel
from inference.embedding import MemoEmbedder
from inference.errors import BadInput
from inference.gate import Gate
from mcp_server.house import Judging, always
from rubrics.builtin_judge import BuiltinJudge, builtin_fingerprint
from rubrics.judge import Judge, Mode
from rubrics.model_judge import IN_FLIGHT, Manner, ModelJudge, fingerprint


def judges_of(
    settings: Settings,
    otherwise: Literal["builtin", "client"],
    embedder: MemoEmbedder,
    judging: ChatModel | None = None,
) -> Judging:
    """The judge for each way of asking; none where the caller is to judge.

    Raises:
        BadInput: a model is wanted and none is configured.
    """
    chosen = chosen_judge(settings, otherwise, judging)
    if chosen == "model":
        return _ModelJudges(settings, judging)
    passport = kept_passport(settings.data_dir, builtin_fingerprint())
    return always(BuiltinJudge(embedder, passport) if chosen == "builtin" else None)


def chosen_judge(
    settings: Settings,
    otherwise: Literal["builtin", "client"],
    judging: ChatModel | None = None,
) -> Literal["builtin", "client", "model"]:
    """Who judges by these settings.

    Raises:
        BadInput: a model is wanted and none is configured.
    """
    there = judging is not None or settings.judge is not None
    if settings.judge_choice == "model" and not there:
        raise BadInput("CLINALIGN_JUDGE", "a judge model; set CLINALIGN_JUDGE_BASE_URL", "model")
    if settings.judge_choice == "auto":
        return "model" if there else otherwise
    return settings.judge_choice


class _ModelJudges:
    """Judges by one model, which is looked for when the first answer is scored."""

    def __init__(self, settings: Settings, chat: ChatModel | None) -> None:
        self._settings, self._chat = settings, chat
        self._gate = Gate(IN_FLIGHT)
        self._judges: dict[Mode, Judge] = {}

    async def __call__(self, mode: Mode) -> Judge:
        """The judge.

        Raises:
            ModelError: the model cannot be reached, or is not there.
        """
        if self._chat is None:
            assert self._settings.judge is not None
            self._chat = await client(self._settings.judge, bulk=True).connected()
        if mode not in self._judges:
            manner = Manner(mode=mode)
            measured = fingerprint(self._chat.name, manner)
            passport = kept_passport(self._settings.data_dir, measured)
            self._judges[mode] = ModelJudge(self._chat, manner, passport, self._gate)
        return self._judges[mode]
