"""Finds a model server on this machine's usual ports, where none is configured.

An explicit setting always comes first; what is found fills only the roles that have no endpoint.
The asking itself is in `clinalign.model_servers`.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clinalign.local_only import runs_elsewhere
from clinalign.model_servers import USUAL_PORTS, Said, heard, said_at, usual_endpoints
from clinalign.settings import Role, Settings
from inference.endpoint import Endpoint
from inference.words import Word

PATIENCE_SECONDS = 0.5  # an answer on this machine takes a few thousandths
# The examiner measures: it may not change with what happens to run. The reader decides what is
# searched for; the built-in one is measured, a small model is not.
FILLED: tuple[Role, ...] = ("policy", "writer", "judge")
LIST = "/v1/models"
# What servers tell besides their list of models.
BESIDE = {"Ollama": ("/api/tags", "/api/ps"), "LM Studio": ("/api/v0/models",)}
# Of each of these: where its list is, and how a model's name is called in it.
KEYS = {
    LIST: ("data", "id"),
    "/api/tags": ("models", "name"),
    "/api/ps": ("models", "name"),
    "/api/v0/models": ("data", "id"),
}
OWNERS = {"vllm": "vLLM", "library": "Ollama", "llamacpp": "llama.cpp"}
_NOT_CHATTING = {
    "embeds or ranks": "bge gte e5 minilm nomic rerank reranker colbert",
    "is no chat model": "base whisper tts asr clip siglip guard reward prm",
}
_NAME = re.compile(r"[\w.:/@+ ()-]{1,200}")


@dataclass(frozen=True)
class Offer:
    """A model that a server has."""

    name: str
    loaded: bool = False
    why_not: str = ""
    """Why it is not used; empty when it can be."""


@dataclass(frozen=True)
class Server:
    """What is at one of the usual ports."""

    kind: str
    base_url: str
    offers: tuple[Offer, ...] = ()
    trouble: str = ""
    """Why it is no model server; empty when it is one."""

    @property
    def usable(self) -> tuple[Offer, ...]:
        """Those that can be used, loaded ones first, else in the server's order."""
        can = [one for one in self.offers if not one.why_not]
        return tuple(sorted(can, key=lambda one: not one.loaded))


class FoundModel(Word):
    """A model server that nobody configured."""

    kind: str
    base_url: str
    model: str = ""
    """Empty when none of its models can be used."""
    said: str
    """The model, or why there is none, in half a sentence."""

    @property
    def endpoint(self) -> Endpoint | None:
        return Endpoint(base_url=self.base_url, model=self.model) if self.model else None


class Completed(Word):
    """Settings after looking for a model."""

    settings: Settings
    said: str = ""
    """The one line for people; empty when nothing was looked for or found."""


async def completed(
    settings: Settings, wanted: bool = True, ports: Mapping[str, int] = USUAL_PORTS
) -> Completed:
    """The settings with a found model in the roles that have none."""
    if not wanted or not open_roles(settings):
        return Completed(settings=settings)
    found = await found_endpoint(ports)
    return Completed(settings=with_found(settings, found), said=told(settings, found))


async def found_endpoint(
    ports: Mapping[str, int] = USUAL_PORTS, within_seconds: float = PATIENCE_SECONDS
) -> FoundModel | None:
    """The first server with a model to chat with, in the order of the ports.

    Returns:
        One without a model's name if there are servers, but none with such a model; None if no
        model server answers in time.
    """
    servers = await asyncio.to_thread(servers_here, ports, within_seconds)
    answering = [one for one in servers if not one.trouble]
    chosen = sorted(answering, key=lambda one: not one.usable)[:1]
    others = [one.base_url for one in answering if one not in chosen]
    return _found(chosen[0], others) if chosen else None


def servers_here(
    ports: Mapping[str, int] = USUAL_PORTS, within_seconds: float = PATIENCE_SECONDS
) -> list[Server]:
    """What answers at each usual port of this machine, asked all at once."""
    endpoints = usual_endpoints(ports)
    asked = [(kind, path) for kind in endpoints for path in (LIST, *BESIDE.get(kind, ()))]
    roots = {kind: one.base_url.removesuffix("/v1") for kind, one in endpoints.items()}
    replies = said_at(
        [(endpoints[kind], roots[kind] + path) for kind, path in asked], within_seconds
    )
    said: dict[str, dict[str, Said]] = {kind: {} for kind in endpoints}
    for (kind, path), reply in zip(asked, replies, strict=True):
        said[kind][path] = reply
    return [server_of(kind, one.base_url, said[kind]) for kind, one in endpoints.items()]


def server_of(usual: str, base_url: str, replies: Mapping[str, Said]) -> Server:
    """A server by what it said.

    Args:
        usual: the kind of server that is usually at its port.
        base_url: its address.
        replies: by path; the list of models, and what it tells besides.
    """
    listed = heard(replies[LIST])
    if listed.trouble:
        return Server(usual, base_url, trouble=listed.trouble)
    rows = _by_model(replies)
    names = [name for name in dict.fromkeys(listed.models) if _NAME.fullmatch(name)]
    names.sort(key=lambda name: bool(rows[name].get("parent")))  # adapters after their model
    owners = {str(row.get("owned_by")) for row in rows.values()} & OWNERS.keys()
    kind = OWNERS[min(owners)] if owners else usual
    return Server(kind, base_url, tuple(_offer(name, rows[name]) for name in names))


def open_roles(settings: Settings) -> tuple[Role, ...]:
    """The roles that a found model would fill."""
    others = settings.judge_choice in (
        "builtin",
        "client",
        "distilled",
    )  # who judges is settled then
    roles = [role for role in FILLED if not (role == "judge" and others)]
    return tuple(role for role in roles if getattr(settings, role) is None)


def with_found(settings: Settings, found: FoundModel | None) -> Settings:
    """The settings with the found model as policy, writer and judge where these have none."""
    if found is None or found.endpoint is None:
        return settings
    return settings.model_copy(update=dict.fromkeys(open_roles(settings), found.endpoint))


def told(settings: Settings, found: FoundModel | None) -> str:
    """One line for people on what was found for these settings; empty if nothing was."""
    if found is None:
        return ""
    if found.endpoint is None:
        return f"Found {found.said}; none is used."
    *first, last = open_roles(settings)
    roles = f"{', '.join(first)} and {last}" if first else last
    return f"Found {found.said}; used as {roles}. --no-find or CLINALIGN_BASE_URL changes that."


def _found(server: Server, others: list[str]) -> FoundModel:
    where = f"{server.base_url} ({server.kind})"
    also = f"; also answering: {', '.join(others)}" if others else ""
    if not server.usable:
        said = f"{where}, which has {_reasons(server)}{also}"
        return FoundModel(kind=server.kind, base_url=server.base_url, said=said)
    model = server.usable[0]
    which = "the loaded one" if model.loaded else "the first that chats"
    only = f", {which} of {len(server.offers)} models there" if len(server.offers) > 1 else ""
    said = f"{model.name} at {where}{only}{also}"
    return FoundModel(kind=server.kind, base_url=server.base_url, model=model.name, said=said)


def _reasons(server: Server) -> str:
    """Why none of its models can be used."""
    if not server.offers:
        return "no model"
    shown = [f"{one.name} {one.why_not}" for one in server.offers[:3]]
    more = [f"{len(server.offers) - 3} more"] if len(server.offers) > 3 else []
    return f"no chat model ({'; '.join([*shown, *more])})"


def _by_model(replies: Mapping[str, Said]) -> dict[str, dict[str, Any]]:
    """All that a server tells of each of its models."""
    rows: dict[str, dict[str, Any]] = {}
    for path, said in replies.items():
        listed, name = KEYS[path]
        for row in _rows(said, listed):
            running = {"state": "loaded"} if path == "/api/ps" else {}
            rows.setdefault(str(row.get(name)), {}).update(row | running)
    return rows


def _rows(said: Said, key: str) -> list[dict[str, Any]]:
    """The objects of a list in a reply, however odd the reply is."""
    listed = said.data.get(key) if isinstance(said.data, dict) else None
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


def _offer(name: str, row: Mapping[str, Any]) -> Offer:
    status = _object(row, "status")  # of llama.cpp, where it serves several
    loaded = "loaded" in (row.get("state"), status.get("value"))
    return Offer(name, loaded, _why_not(name, row))


def _why_not(name: str, row: Mapping[str, Any]) -> str:
    if runs_elsewhere(name) or row.get("remote_host") or row.get("remote_model"):
        return "runs on another machine"
    family = str(_object(row, "details").get("family", ""))
    if row.get("type") == "embeddings" or "bert" in family or "embed" in name.lower():
        return "embeds or ranks"
    parts = set(re.split(r"[^a-z0-9]+", name.lower()))
    return next((why for why, signs in _NOT_CHATTING.items() if parts & set(signs.split())), "")


def _object(row: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = row.get(key)
    return found if isinstance(found, dict) else {}
