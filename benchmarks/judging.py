"""Measures what the judge costs: prompt tokens a server computes, time, memory; peers beside it.

    python benchmarks/judging.py prefix [--sample healthbench_sample_50.jsonl]
    python benchmarks/judging.py overhead [--peers FOLDER]
    python benchmarks/judging.py memory

`prefix`: a real vLLM on the CPU with a random model 512 wide, 10 answers x 11 criteria, replies of
16 tokens; the reference grader's order (one criterion a call, instructions after the criterion, the
same words) beside `single` and `packed`. Answers are the library's own examples, or physicians'.
`overhead`: a stub with 1 s a call; the whole command `judge run --batch`, from the first request to
the last reply, against calls x latency / concurrency; peers in environments of their own
(`benchmarks/judging_peers.sh FOLDER` makes them). `memory`: 10,000 rows and the process's largest
size.

The sample's conversations and rubrics come with physicians' answers, which are what is judged.
Nothing of them is written anywhere but to a temporary folder.
"""

import argparse
import asyncio
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inference.bulk_chat import BulkChat
from inference.chat import ChatModel, Reply, Sampling
from inference.endpoint import Endpoint
from inference.messages import Conversation, Message
from inference.words import read
from principle_store.loading import load_library, load_taxonomy
from principle_store.types import Principle
from rubrics.asking import PROMPT
from rubrics.model_judge import Manner, ModelJudge
from rubrics.types import Rubric

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT.parent / "shared" / "data" / "healthbench_sample_50.jsonl"
ANSWERS, CRITERIA = 10, 11
REPLY_TOKENS = 16
AT_ONCE = 16

Case = tuple[Conversation, str, Rubric]


def cases(path: Path) -> list[Case]:
    """Each example with a physician's answer, or with a sentence where there is none."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    return [_case(row) for row in rows]


def _case(row: dict[str, Any]) -> Case:
    ideal = row.get("ideal_completions_data") or {}
    answer = ideal.get("ideal_completion") or "Please tell me more, so that I can help. " * 8
    asked = read(Conversation, {"messages": row["prompt"]}, "prompt")
    return asked, answer, Rubric.from_rows(row["rubrics"])


def own_cases() -> list[Case]:
    """The library's passing examples, each with the criteria of four principles."""
    library = load_library(load_taxonomy()).principles
    return [_own_case(library, place) for place in range(0, len(library) - 4, 7)]


def _own_case(library: Sequence[Principle], place: int) -> Case:
    principle = library[place]
    assert principle.examples is not None
    near = [one for other in library[place : place + 4] for one in other.ready_criteria()]
    # Critical ones would always go alone.
    criteria = tuple(one.model_copy(update={"critical": False}) for one in near)
    asked = Conversation.of(principle.asked_as[0])
    return asked, principle.examples.passing, Rubric(criteria=criteria)


class Brief:
    """A real model whose replies are cut short; it is then taken to have said UNMET to all.

    So every order of a prompt pays for the same number of reply tokens.
    """

    def __init__(self, chat: ChatModel) -> None:
        self._chat, self.name = chat, chat.name
        self.prompts: list[str] = []

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling = Sampling(),
        schema: Mapping[str, Any] | None = None,
    ) -> Reply:
        self.prompts.append(messages[0].content)
        await self._chat.complete(messages, Sampling(max_tokens=REPLY_TOKENS, seed=0))
        opinion = {"explanation": "", "quote": "", "verdict": "UNMET"}
        return Reply(text=json.dumps(dict.fromkeys((schema or {}).get("required", ()), opinion)))


async def in_reference_order(chat: Brief, chosen: Sequence[Case]) -> None:
    """One criterion a call, as HealthBench's grader asks: the same words, instructions last."""
    places = asyncio.Semaphore(AT_ONCE)
    instructions = PROMPT[: PROMPT.index("# The conversation")]

    async def ask(said: str, criterion: str) -> None:
        async with places:
            prompt = f"# Conversation\n{said}\n\n# Rubric item\n{criterion}\n\n{instructions}"
            await chat.complete([Message(role="user", content=prompt)])

    asked = [
        ask(f"{conversation.as_text()}\n\nassistant: {answer}", f"[{one.points}] {one.criterion}")
        for conversation, answer, rubric in chosen
        for one in rubric.criteria
    ]
    await asyncio.gather(*asked)


def in_mode(manner: Manner) -> Callable[[Brief, Sequence[Case]], Awaitable[None]]:
    async def ask(chat: Brief, chosen: Sequence[Case]) -> None:
        judge = ModelJudge(chat, manner)
        await asyncio.gather(*(judge.verdicts(*case) for case in chosen))

    return ask


def prefix(python: str, sample: Path | None) -> None:
    from tests.servers.vllm_server import tiny_vllm

    chosen = [
        (conversation, answer, Rubric(criteria=rubric.criteria[:CRITERIA]))
        for conversation, answer, rubric in (cases(sample) if sample else own_cases())
        if len(rubric.criteria) >= CRITERIA
    ][:ANSWERS]
    ways = {
        "reference order": in_reference_order,
        "single": in_mode(Manner(mode="single")),
        "packed by 8": in_mode(Manner(mode="packed")),
    }
    with tempfile.TemporaryDirectory() as folder:
        shape = ["--width", "512", "--layers", "8"]
        with tiny_vllm(python, Path(folder), shape=shape) as base_url:
            first = 0.0, 0.0
            for name, ask in ways.items():
                computed, seconds, unique = asyncio.run(_spent(base_url, ask, chosen))
                first = first if first[0] else (computed, seconds)
                print(
                    f"{name:16} {computed:9,.0f} prompt tokens computed "
                    f"({computed / first[0]:.3f}), {unique:8,} unique ({computed / unique:.2f}), "
                    f"{seconds:6.1f} s ({seconds / first[1]:.3f})"
                )


async def _spent(
    base_url: str, ask: Callable[[Brief, Sequence[Case]], Awaitable[None]], chosen: Sequence[Case]
) -> tuple[float, float, int]:
    """Prompt tokens really computed, seconds, and tokens that no cache could save."""
    chat = BulkChat(Endpoint(base_url=base_url, model="tiny"))
    brief = Brief(chat)
    _post(base_url.removesuffix("/v1") + "/reset_prefix_cache", {})
    before, began = prompt_tokens(base_url), time.perf_counter()
    await ask(brief, chosen)
    seconds = time.perf_counter() - began
    after = prompt_tokens(base_url)
    computed = (after[0] - after[1]) - (before[0] - before[1])
    await chat.aclose()
    return computed, seconds, _unique_tokens(base_url, brief.prompts)


def prompt_tokens(base_url: str) -> tuple[float, float]:
    """Of all prompts so far a server's tokens, and those among them that its cache had."""
    url = base_url.removesuffix("/v1") + "/metrics"
    with urllib.request.urlopen(url, timeout=60) as reply:
        text = reply.read().decode()
    total, cached = (
        sum(map(float, re.findall(rf"^vllm:{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)))
        for name in ("prompt_tokens_total", "prefix_cache_hits_total")
    )
    return total, cached


def _unique_tokens(base_url: str, prompts: Sequence[str]) -> int:
    """Tokens that differ from those of every earlier prompt, from the first difference on."""
    known: set[int] = set()
    for prompt in prompts:
        messages = [{"role": "user", "content": prompt}]
        asked = {"model": "tiny", "messages": messages}
        so_far = 0
        for token in _post(base_url.removesuffix("/v1") + "/tokenize", asked)["tokens"]:
            so_far = hash((so_far, token))
            known.add(so_far)
    return len(known)


def overhead(sample: Path, peers: Path | None) -> None:
    found = cases(sample)
    with stub(1.0) as (port, stats):
        with tempfile.TemporaryDirectory() as folder:
            rows = [_row(found[place % len(found)], place, CRITERIA) for place in range(1_000)]
            _told("packed, 1,000 answers x 11", _batch(rows, Path(folder), port, 256), stats(), 256)
        with tempfile.TemporaryDirectory() as folder:
            rows = [_row(case, place, None) for place, case in enumerate(found)]
            seconds = _batch(rows, Path(folder), port, 64, "--mode", "single")
            _told("single, 50 answers", seconds, stats(), 64)
        for name in ("inspect", "verifiers", "deepeval") if peers else ():
            script = ROOT / "benchmarks" / "judging_peers" / f"{name}_peer.py"
            python = str(peers / name / "bin" / "python") if peers else ""
            command = [python, str(script), str(sample), f"http://127.0.0.1:{port}/v1", "64"]
            began = time.perf_counter()
            subprocess.run(
                command, check=True, stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir()
            )
            _told(f"{name}, 50 answers", time.perf_counter() - began, stats(), 64)


def _row(case: Case, place: int, criteria: int | None) -> dict[str, Any]:
    conversation, answer, rubric = case
    rows = rubric.rows()
    if criteria:
        rows = [rows[number % len(rows)] | {"id": f"c{number}"} for number in range(criteria)]
    messages = [message.model_dump() for message in conversation.messages]
    return {"prompt": messages, "completion": f"{answer} ({place})", "rubrics": rows}


def _batch(
    rows: Iterable[dict[str, Any]], folder: Path, port: int, at_once: int, *options: str
) -> float:
    """Seconds for the whole command, start included."""
    given = folder / "in.jsonl"
    with given.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    command = [sys.executable, "-m", "clinalign", "judge", "run", "--batch", str(given)]
    command += ["--out", str(folder / "out.jsonl"), "--base-url", f"http://127.0.0.1:{port}/v1"]
    command += ["--concurrency", str(at_once), *options]
    began = time.perf_counter()
    environment = {"PATH": "/usr/bin:/bin", "CLINALIGN_DATA_DIR": str(folder)}
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=environment, cwd=ROOT,
    )  # fmt: skip
    return time.perf_counter() - began


def _told(name: str, seconds: float, seen: Mapping[str, Any], at_once: int) -> None:
    ideal = seen["calls"] / at_once
    print(
        f"{name:28} {seen['calls']:6,} calls, {seen['most_in_flight']:4} in flight at most, "
        f"{seen['seconds']:7.2f} s from first request to last reply, "
        f"{seen['seconds'] / ideal:.3f} of the limit; {seconds:.1f} s with the start",
        flush=True,
    )


def memory(sample: Path) -> None:
    found = cases(sample)
    for size in (1_000, 10_000):
        with stub(0.0) as (port, stats), tempfile.TemporaryDirectory() as folder:
            # One by one: what this process holds counts as its child's when that is started.
            rows = (_row(found[place % len(found)], place, CRITERIA) for place in range(size))
            seconds = _batch(rows, Path(folder), port, 64)
            calls = stats()["calls"]
        largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{size:6,} rows, {calls:,} calls: {seconds:.0f} s, {largest:.0f} MiB at most")


@contextmanager
def stub(latency: float) -> Iterator[tuple[int, Callable[[], dict[str, Any]]]]:
    """A stub server, and what gives its figures and resets them."""
    port = 8917
    script = str(ROOT / "benchmarks" / "stub_server.py")
    command = [sys.executable, script, "--port", str(port), "--latency", str(latency)]
    process = subprocess.Popen(command)

    def stats() -> dict[str, Any]:
        found = _get(f"http://127.0.0.1:{port}/stats")
        _post(f"http://127.0.0.1:{port}/reset", {})
        return found

    try:
        for _ in range(100):
            try:
                stats()
                break
            except OSError:
                time.sleep(0.05)
        yield port, stats
    finally:
        process.terminate()
        process.wait()


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=60) as reply:
        return dict(json.load(reply))


def _post(url: str, body: Mapping[str, Any]) -> dict[str, Any]:
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return dict(json.loads(reply.read() or b"{}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("prefix", "overhead", "memory"))
    parser.add_argument("--python", default=str(ROOT / ".venv-serve" / "bin" / "python"))
    parser.add_argument("--sample", type=Path, help="for prefix: judge its answers instead")
    parser.add_argument("--peers", type=Path, help="the folder of the peers' environments")
    given = parser.parse_args()
    match given.what:
        case "prefix":
            prefix(given.python, given.sample)
        case "overhead":
            overhead(given.sample or SAMPLE, given.peers)
        case _:
            memory(given.sample or SAMPLE)


if __name__ == "__main__":
    main()
