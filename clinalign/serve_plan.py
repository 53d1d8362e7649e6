"""From a model's name and a machine to the command that serves it with vLLM. Runs nothing.

The families and their parsers are in `model_families.toml`. Quantised models need nothing of their
own: vLLM reads how from their files.
"""

import json
import re
import shlex
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from pydantic import Field

from inference.errors import BadInput
from inference.words import Word, read

VLLM = ("vllm", "serve")
GIB = 2**30
BYTES_A_WEIGHT = {  # by signs in the name; 2 where there are none
    0.55: r"gpt-oss|mxfp4|nvfp4",
    0.7: r"awq|gptq|int4|w4a16|4bit|bnb|q4",
    1.0: r"fp8|int8|w8a8|w8a16|8bit",
}
ROOM = 1.2  # what is needed beside the weights, at the least
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+(?::[\w.-]+)?)?", re.ASCII)
_EXPERTS = re.compile(r"[0-9]+b-[0-9]+e(?![a-z0-9])")  # the size is that of one expert then
_SIZE = re.compile(r"(?<![a-z0-9.])(?:([0-9]+)x)?([0-9]+(?:\.[0-9]+)?)b(?![a-z0-9])")


class Host(Word):
    """What the machine has."""

    gpus: tuple[float, ...] = ()
    """GiB of memory of each NVIDIA GPU that may be used."""
    memory: float
    """GiB of the machine's own."""


class Wishes(Word):
    port: int = Field(default=8000, ge=1, le=65535)
    gpu_memory: float | None = Field(default=None, gt=0, le=1)
    """Share of the GPUs' memory; None leaves it to vLLM."""
    max_len: int | None = Field(default=None, ge=1)
    """Tokens of prompt and reply; None for as many as the model and the memory allow."""
    gpus: int | None = Field(default=None, ge=1)
    """None for as many as the weights seem to need."""
    thinks: bool = False
    """Whether a model that can think first does so when nobody says."""
    offline: bool = False
    """Whether a model that is not on this machine may not be fetched."""


class Family(Word):
    """Models that vLLM wants to be told the same about."""

    name: str
    pattern: str
    tool_parser: str = ""
    reasoning_parser: str = ""
    thinking_off: dict[str, bool] = Field(default={})
    always_thinks: bool = False
    note: str = ""


class Plan(Word):
    environment: dict[str, str]
    command: tuple[str, ...]
    notes: tuple[str, ...]
    """What the reader should know, a sentence each."""

    def script(self) -> str:
        """All of it as lines for a shell."""
        said = [f"# {note}" for note in self.notes]
        variables = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        lines = [" ".join(variables), *_by_option(self.command)]
        return "\n".join([*said, " \\\n  ".join(lines)])


def planned(
    name: str,
    host: Host,
    wishes: Wishes,
    is_local: bool = False,
    program: Sequence[str] = VLLM,
) -> Plan:
    """How to serve the model here.

    Args:
        name: of a model on the Hugging Face hub, or its folder.
        host: the machine.
        wishes: what to do otherwise than is usual.
        is_local: whether the name is that of a folder or a file here.
        program: starts vLLM; the model's name comes next.

    Raises:
        BadInput: it is no name of a model.
    """
    if not (is_local or _NAME.fullmatch(name)):
        raise BadInput("NAME", "a model such as Qwen/Qwen3-4B-Instruct-2507, or a folder", name)
    served = name.rstrip("/").rpartition("/")[2] if is_local else name
    family = family_of(served)
    command = [*program, name, "--served-model-name", served]
    command += ["--host", "127.0.0.1", "--port", str(wishes.port)]
    command += ["--max-model-len", str(wishes.max_len or "auto"), "--enable-prefix-caching"]
    command += ["--structured-outputs-config", json.dumps(STRUCTURED)]
    command += _of_family(family, wishes) + _of_host(served, host, wishes)
    notes = (*_family_notes(served, family, wishes), *_host_notes(served, host, wishes))
    if not is_local and not wishes.offline:
        notes += ("Files that are not here yet are fetched from the Hugging Face hub.",)
    environment = _environment(host, is_local or wishes.offline)
    return Plan(environment=environment, command=tuple(command), notes=notes)


# With xgrammar, strings came with raw control characters where a schema limits their length; and a
# model may spend its whole budget on blanks unless they are forbidden.
STRUCTURED = {"backend": "guidance", "disable_any_whitespace": True}


@cache
def families() -> tuple[Family, ...]:
    text = files("clinalign").joinpath("model_families.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["family"]
    return tuple(read(Family, row, f"family {place}") for place, row in enumerate(rows))


def family_of(name: str) -> Family | None:
    return next((one for one in families() if re.search(one.pattern, name.lower())), None)


def weights_gib(name: str) -> float | None:
    """About how much memory the weights take, by the size in the name; None if there is none."""
    low = name.lower()
    sizes = [float(times or 1) * float(size) for times, size in _SIZE.findall(low)]
    if not sizes or _EXPERTS.search(low):
        return None
    each = next((one for one, signs in BYTES_A_WEIGHT.items() if re.search(signs, low)), 2.0)
    return max(sizes) * 1e9 * each / GIB


def gpus_for(name: str, host: Host) -> int:
    """As many GPUs as the weights seem to need; a power of two, as they are cut in equal parts."""
    most = 1 << (len(host.gpus).bit_length() - 1)
    weights = weights_gib(name)
    if weights is None:
        return most
    count = 1
    while count < most and weights * ROOM > count * min(host.gpus):
        count *= 2
    return count


def _of_family(family: Family | None, wishes: Wishes) -> list[str]:
    if family is None:
        return []
    told: list[str] = []
    if family.tool_parser:
        told += ["--enable-auto-tool-choice", "--tool-call-parser", family.tool_parser]
    if family.reasoning_parser:
        told += ["--reasoning-parser", family.reasoning_parser]
    if family.thinking_off and not wishes.thinks:
        told += ["--default-chat-template-kwargs", json.dumps(family.thinking_off)]
    return told


def _of_host(name: str, host: Host, wishes: Wishes) -> list[str]:
    if not host.gpus:
        return ["--dtype", "bfloat16", "--enforce-eager"]
    told: list[str] = []
    if (count := wishes.gpus or gpus_for(name, host)) > 1:
        told += ["--tensor-parallel-size", str(count)]
    if wishes.gpu_memory is not None:
        told += ["--gpu-memory-utilization", f"{wishes.gpu_memory:g}"]
    return told


def _environment(host: Host, offline: bool) -> dict[str, str]:
    said = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    if offline:
        said["HF_HUB_OFFLINE"] = "1"
    if not host.gpus:
        # GiB for what was read and written so far; the weights need the rest.
        said["VLLM_CPU_KVCACHE_SPACE"] = str(max(1, min(8, int(host.memory / 4))))
        said["TORCHDYNAMO_DISABLE"] = "1"  # or the first request compiles for half a minute
    return said


def _family_notes(name: str, family: Family | None, wishes: Wishes) -> tuple[str, ...]:
    if "gguf" in name.lower():
        return ("GGUF files are better served by llama.cpp, Ollama or LM Studio than by vLLM.",)
    if family is None:
        unknown = "plain flags, without parsers for tools and thoughts"
        return (f"{name} is of no family that is known here: {unknown}.",)
    notes = [f"{family.name}: {family.note}."] if family.note else []
    if family.always_thinks:
        notes.append(f"{family.name} always thinks first: every answer takes its time for it.")
    elif family.thinking_off and not wishes.thinks:
        notes.append("Thinking is off unless a request asks for it; --thinking turns it on.")
    return tuple(notes)


def _host_notes(name: str, host: Host, wishes: Wishes) -> tuple[str, ...]:
    if not host.gpus:
        return ("No NVIDIA GPU is seen here: this is for trying out, with vLLM's build for CPUs.",)
    weights, count = weights_gib(name), wishes.gpus or gpus_for(name, host)
    if count > len(host.gpus):
        return (f"{count} GPUs are wanted, and {len(host.gpus)} are here.",)
    if weights and weights * ROOM > (there := count * min(host.gpus)):
        return (f"Its weights take about {weights:.0f} GiB, and {there:.0f} GiB are there.",)
    return ()


def _by_option(command: Sequence[str]) -> list[str]:
    """The command for a shell, an option and its value a line."""
    lines = [""]
    for part in command:
        if part.startswith("--"):
            lines.append(shlex.quote(part))
        else:
            lines[-1] = f"{lines[-1]} {shlex.quote(part)}".strip()
    return lines
