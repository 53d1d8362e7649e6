"""Every setting, read once from the environment into one frozen type.

The address decides: a key or a model name without an address configures nothing, so that no
question leaves the machine by accident. A key is only ever sent to an address of its own family.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

import platformdirs
from pydantic import Field

from clinalign.local_only import refuse_elsewhere, switched
from inference.endpoint import Endpoint
from inference.errors import BadInput
from inference.words import Word
from rubrics.writing_words import WriterOptions

Role = Literal["policy", "writer", "judge", "examiner", "reader"]
ROLES: tuple[Role, ...] = ("policy", "writer", "judge", "examiner", "reader")
GRADERS = ("judge", "examiner")
JudgeChoice = Literal["auto", "client", "builtin", "model", "distilled"]
JUDGES: tuple[JudgeChoice, ...] = ("auto", "client", "builtin", "model", "distilled")
FOLDER = "CLINALIGN_JUDGE_FOLDER"


class Access(Word):
    """Who may call a server over HTTP; see `mcp_server.door`."""

    token: str = Field(default="", repr=False)
    issuer: str = ""
    resource: str = ""
    scopes: tuple[str, ...] = ()


class Settings(Word):
    policy: Endpoint | None = None
    writer: Endpoint | None = None
    judge: Endpoint | None = None
    examiner: Endpoint | None = None
    reader: Endpoint | None = None
    """Reads a question's scenario and puts it into English."""
    judge_choice: JudgeChoice = "auto"
    """Who judges: `client` is the MCP client's own model; `auto` the configured model, or else
    whoever suits the command."""
    judge_folder: Path | None = None
    """A verifier that `clinalign train judge` wrote: the judge where the choice is `distilled`,
    and asked before the model in `fast` mode."""
    embeddings: Endpoint | None = None
    """An embedding model in place of the bundled one; has an address of its own only."""
    finds_model: bool = True
    """Whether a model server of this machine is looked for where none is configured."""
    local_only: bool = False
    """Whether every model has to be on this machine."""
    access: Access = Access()
    writing: WriterOptions = WriterOptions.plain()
    """How a model writes rubrics; plainly, until it is measured what the rest is worth."""
    tools_by: Literal["graph", "model"] = "graph"
    """Who calls the tools for an answer; see `agent.graph.build_agent`."""
    data_dir: Path
    overlays: tuple[Path, ...] = ()
    """Folders of principles laid over the library, later ones over earlier ones."""

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str] | None = None,
        base_url: str = "",
        model: str = "",
        overlay: str = "",
        local_only: bool = False,
        writing: str = "",
        tools_by: str = "",
    ) -> Self:
        """The settings; a `base_url` and a `model` given by hand count for every role.

        Raises:
            BadInput: an address is none or not of this machine, or a choice is not there.
        """
        said = dict(os.environ if environment is None else environment)  # noqa: TID251 - the edge
        by_hand = {"CLINALIGN_BASE_URL": base_url, "CLINALIGN_MODEL": model}
        if base_url or model:
            said = {name: value for name, value in said.items() if not _overridden(name, base_url)}
            said |= {name: value for name, value in by_hand.items() if value}
        folder = said.get("CLINALIGN_DATA_DIR") or platformdirs.user_data_dir("clinalign")
        laid = overlay or said.get("CLINALIGN_OVERLAY", "")
        settings = cls(
            **{role: _endpoint(role, said) for role in ROLES},
            judge_choice=_judge_choice(said),
            judge_folder=Path(verifier) if (verifier := said.get(FOLDER, "").strip()) else None,
            embeddings=_embeddings(said),
            finds_model=switched(said, "CLINALIGN_FIND_MODEL", True),
            local_only=local_only or switched(said, "CLINALIGN_LOCAL_ONLY", False),
            access=_access(said),
            writing=WriterOptions.of(writing or said.get("CLINALIGN_WRITING", "")),
            tools_by=_tools_by(tools_by or said.get("CLINALIGN_TOOLS", "").strip()),
            data_dir=Path(folder),
            overlays=tuple(Path(one) for one in laid.split(os.pathsep) if one),
        )
        if settings.local_only:
            named = {role: getattr(settings, role) for role in (*ROLES, "embeddings")}
            refuse_elsewhere({role: one for role, one in named.items() if one})
        return settings


def who_judges(
    settings: Settings, otherwise: Literal["builtin", "client"], has_model: bool = False
) -> Literal["builtin", "client", "model", "distilled"]:
    """Who judges by these settings.

    Args:
        settings: the choice, and whether a judge model is configured.
        otherwise: who judges if neither is.
        has_model: a judge model is at hand besides.

    Raises:
        BadInput: a model or a verifier is wanted and none is configured.
    """
    there = has_model or settings.judge is not None
    if settings.judge_choice == "model" and not there:
        raise BadInput("CLINALIGN_JUDGE", "a judge model; set CLINALIGN_JUDGE_BASE_URL", "model")
    if settings.judge_choice == "distilled" and settings.judge_folder is None:
        told = f"a verifier; set {FOLDER} to a folder that `clinalign train judge` wrote"
        raise BadInput("CLINALIGN_JUDGE", told, "distilled")
    if settings.judge_choice == "auto":
        return "model" if there else otherwise
    return settings.judge_choice


def environment() -> dict[str, str]:
    """All variables, for what starts other programs."""
    return dict(os.environ)  # noqa: TID251 - the edge


def quiet_libraries() -> None:
    """Switch off what libraries send elsewhere, and threads that cost, before they are imported."""
    switches = {
        "LANGSMITH_TRACING": "false",
        "LANGCHAIN_TRACING_V2": "false",
        "ANONYMIZED_TELEMETRY": "false",
        "HF_HUB_OFFLINE": "1",
        "DO_NOT_TRACK": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    os.environ.update(switches)  # noqa: TID251 - the edge
    # Many small products at once: threads of theirs would wait for one another.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # noqa: TID251 - the edge


def _endpoint(role: Role, said: Mapping[str, str]) -> Endpoint | None:
    families = [[f"CLINALIGN_{role.upper()}", "CLINALIGN"]]
    families += [["HEALTHBENCH_GRADER"]] if role in GRADERS else []
    families += [["OPENAI"]]
    for family in families:
        if base_url := _first(said, family, "BASE_URL"):
            _check_address(base_url)
            model = _first(said, [*families[0], *family], "MODEL")
            key = _first(said, family, "API_KEY") or "EMPTY"
            thinking = _thinking(said, families[0])
            return Endpoint(base_url=base_url, model=model, api_key=key, thinking=thinking)
    return None


def _thinking(said: Mapping[str, str], prefixes: list[str]) -> bool | None:
    for prefix in prefixes:
        if said.get(name := f"{prefix}_THINKING", "").strip():
            return switched(said, name, False)
    return None


def _access(said: Mapping[str, str]) -> Access:
    family = ["CLINALIGN_SERVE"]
    return Access(
        token=_first(said, family, "TOKEN"),
        issuer=_first(said, family, "ISSUER"),
        resource=_first(said, family, "RESOURCE"),
        scopes=tuple(_first(said, family, "SCOPES").split()),
    )


def _tools_by(said: str) -> Literal["graph", "model"]:
    if said in ("", "graph"):
        return "graph"
    if said == "model":
        return "model"
    raise BadInput("CLINALIGN_TOOLS", "graph or model", said)


def _judge_choice(said: Mapping[str, str]) -> JudgeChoice:
    chosen = said.get("CLINALIGN_JUDGE", "").strip() or "auto"
    for one in JUDGES:
        if chosen == one:
            return one
    raise BadInput("CLINALIGN_JUDGE", f"one of {', '.join(JUDGES)}", chosen)


def _embeddings(said: Mapping[str, str]) -> Endpoint | None:
    family = ["CLINALIGN_EMBEDDINGS"]
    base_url, model = _first(said, family, "BASE_URL"), _first(said, family, "MODEL")
    if not base_url:
        return None
    _check_address(base_url)
    if not model:
        raise BadInput("CLINALIGN_EMBEDDINGS_MODEL", "the embedding model's name")
    key = _first(said, family, "API_KEY") or "EMPTY"
    return Endpoint(base_url=base_url, model=model, api_key=key)


def _first(said: Mapping[str, str], prefixes: list[str], name: str) -> str:
    return next((found for one in prefixes if (found := said.get(f"{one}_{name}", "").strip())), "")


def _overridden(name: str, base_url: str) -> bool:
    """Whether what was given by hand replaces this variable of a role."""
    roles = [f"CLINALIGN_{role.upper()}" for role in ROLES]
    replaced = ["MODEL", "BASE_URL", "API_KEY"] if base_url else ["MODEL"]
    return name in {f"{role}_{what}" for role in roles for what in replaced}


def _check_address(base_url: str) -> None:
    if not base_url.startswith(("http://", "https://")):
        raise BadInput("base URL", "an address like http://127.0.0.1:8000/v1", base_url)
