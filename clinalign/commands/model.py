"""`clinalign model`: what serves models here, what each role would use, and how to serve one."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clinalign.finding import FILLED, completed, servers_here
from clinalign.local_only import shown_address
from clinalign.model_servers import USUAL_PORTS
from clinalign.serve_plan import GIB, VLLM, Host, Plan, Wishes, planned
from clinalign.settings import ROLES, Settings, environment
from inference.errors import BadInput
from inference.words import read

SMI = ("nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits")
SMI_SECONDS = 10
# Where vLLM's own command looks for a distribution called vllm, this finds its CPU build as well.
BY_PYTHON = ("-m", "vllm.entrypoints.openai.api_server", "--model")
HAS_VLLM = "import importlib.util, sys; sys.exit(importlib.util.find_spec('vllm') is None)"
WITHOUT = {
    "policy": "the composer, which is no language model",
    "writer": "the principles' own criteria",
    "judge": "the built-in screening judge; of `serve`, the client's own model",
    "examiner": "nothing; measuring answers needs one",
    "reader": "the built-in reader",
    "embeddings": "the bundled embedder",
}


def serve(name: str, wishes: Mapping[str, Any], python: str = "", runs: bool = False) -> None:
    """Print the command that serves a model, or become it.

    Raises:
        BadInput: the name or a wish makes no sense, or vLLM is not there to be run.
    """
    is_local = Path(name).expanduser().exists()
    if is_local:
        name = str(Path(name).expanduser().resolve())
    program = (python, *BY_PYTHON) if python else VLLM
    plan = planned(name, here(), read(Wishes, dict(wishes), "option"), is_local, program)
    if runs:
        become(plan, python)
    print(plan.script())


def become(plan: Plan, python: str = "") -> None:
    """Replace this process by the server.

    Raises:
        BadInput: vLLM is not there.
    """
    way_out = "install it with `pip install vllm` in an environment of its own"
    found = shutil.which(python or plan.command[0], path=_path())
    if found is None or (python and subprocess.run([found, "-c", HAS_VLLM]).returncode):
        way_out += ", and name its interpreter with --python"
        raise BadInput("--run", f"vLLM; {way_out}", python or plan.command[0])
    print(plan.script(), file=sys.stderr, flush=True)
    # This command line switches the hub off for itself; the server may need it.
    own = {name: value for name, value in environment().items() if name != "HF_HUB_OFFLINE"}
    os.execve(found, [found, *plan.command[1:]], own | plan.environment)


def here() -> Host:
    """This machine."""
    visible = environment().get("CUDA_VISIBLE_DEVICES")
    return Host(gpus=gpus_of(_smi(), visible), memory=_memory())


def gpus_of(listed: str, visible: str | None = None) -> tuple[float, ...]:
    """GiB of each GPU that nvidia-smi lists, without those that a variable hides."""
    lines = [line.strip() for line in listed.splitlines()]
    all_of_them = tuple(int(line) / 1024 for line in lines if line.isdecimal())
    if visible is None:
        return all_of_them
    return all_of_them[: len([one for one in visible.split(",") if one.strip() not in ("", "-1")])]


def list_models(
    base_url: str = "",
    model: str = "",
    find: bool = True,
    as_json: bool = False,
    ports: Mapping[str, int] = USUAL_PORTS,
) -> None:
    """Print which servers are here and what each role would use.

    Raises:
        BadInput: a setting cannot be used.
    """
    settings = Settings.from_environment(base_url=base_url, model=model)
    data = listing(settings, find and settings.finds_model, ports)
    print(json.dumps(data, ensure_ascii=False) if as_json else "\n".join(_lines(data)))


def listing(settings: Settings, wanted: bool, ports: Mapping[str, int]) -> dict[str, Any]:
    """The servers at the usual ports, and each role's model with where it comes from."""
    done = asyncio.run(completed(settings, wanted, ports))
    servers = [
        {
            "kind": one.kind,
            "address": one.base_url,
            "models": [vars(offer) for offer in one.offers],
            "trouble": one.trouble,
        }
        for one in servers_here(ports)
    ]
    roles = {role: _of_role(role, settings, done.settings) for role in (*ROLES, "embeddings")}
    return {"servers": servers, "roles": roles, "said": done.said}


def _of_role(role: str, before: Settings, after: Settings) -> dict[str, str]:
    endpoint = getattr(after, role)
    if endpoint is None:
        return {"from": "built in", "uses": WITHOUT[role]}
    found = role in FILLED and getattr(before, role) is None
    address = shown_address(endpoint.base_url)
    uses = f"{endpoint.model or 'its only model'} at {address}"
    return {"from": "found" if found else "configured", "uses": uses}


def _lines(data: Mapping[str, Any]) -> list[str]:
    lines = ["Servers on this machine's usual ports:"]
    lines += [f"  {one['address']}  {_server(one)}" for one in data["servers"]]
    lines += ["Roles:"]
    for role, one in data["roles"].items():
        origin = "" if one["from"] == "built in" else f" ({one['from']})"
        lines.append(f"  {role:10}  {one['uses']}{origin}")
    return lines + ([data["said"]] if data["said"] else [])


def _server(server: Mapping[str, Any]) -> str:
    if server["trouble"]:
        return f"{server['trouble']} (the port of {server['kind']})"
    return f"{server['kind']}: {', '.join(map(_model, server['models'])) or 'no model'}"


def _model(offer: Mapping[str, Any]) -> str:
    remarks = [*(["loaded"] if offer["loaded"] else []), *filter(None, [offer["why_not"]])]
    return f"{offer['name']} ({', '.join(remarks)})" if remarks else offer["name"]


def _smi() -> str:
    try:
        done = subprocess.run(SMI, capture_output=True, text=True, timeout=SMI_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _memory() -> float:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    except (AttributeError, OSError, ValueError):  # not every system tells
        return 0.0


def _path() -> str:
    """Where commands are looked for: beside our own first."""
    return os.pathsep.join([sysconfig.get_path("scripts"), environment().get("PATH", os.defpath)])
