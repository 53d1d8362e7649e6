"""Measures batch synthesis: speed beside peers, memory, resuming, prefix caching.

    python benchmarks/synthesis.py speed [--rows 10000] [--in-flight 256 128] [--peers FOLDER]
    python benchmarks/synthesis.py resume
    python benchmarks/synthesis.py memory [--rows 1000000]
    python benchmarks/synthesis.py prefix

`speed`: a stub with 1 s a call; the `rubric` stage of rows whose scenario and pool are made before,
from the first request to the last reply, against calls x latency / concurrency; peers get the very
prompts, rendered before, in environments of their own (`benchmarks/synthesis_peers.sh FOLDER` makes
them). `resume`: seconds until the first new call after 100,000 rows that are done. `memory`: the
process's largest size over very many rows, near-duplicates looked for, all of them duplicates but
the first thousand, so that reading is what is measured. `prefix`: a real vLLM on the CPU with a
random model; the share of prompt tokens that it had read before.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from judging import prompt_tokens, stub

from inference.messages import Conversation
from principle_store.loading import load_library, load_taxonomy
from principle_store.types import Principle
from rubrics.types import Label, Scenario
from rubrics.writer import Hint, WriterOptions
from rubrics.writing_prompt import rubric_prompt
from rubrics.writing_shapes import rubric_schema

ROOT = Path(__file__).parent.parent
LATENCY = 1.0
Stats = Callable[[], dict[str, Any]]
DIMENSIONS = ("urgency", "uncertainty", "expertise", "task_type")


def rows(number: int) -> Iterator[dict[str, Any]]:
    """Prepared rows: the library's own typical questions, each with six principles."""
    principles = load_library(load_taxonomy()).principles
    asked = [(one, text) for one in principles for text in one.asked_as]
    for place in range(number):
        principle, text = asked[place % len(asked)]
        start = principles.index(principle)
        pool = [principles[(start + 7 * step) % len(principles)].id for step in range(6)]
        content = f"{text} (I am {20 + place % 60} years old, case {place}.)"
        yield {
            "prompt_id": f"q{place}",
            "prompt": [{"role": "user", "content": content}],
            "scenario": {name: _label(principle, name) for name in DIMENSIONS},
            "principle_ids": pool,
        }


def _label(principle: Principle, dimension: str) -> dict[str, Any]:
    scope = principle.scope(dimension)
    return {"value": "" if scope == "any" else scope[0], "confidence": 0.8, "from": "wording"}


def write_rows(path: Path, number: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows(number):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def write_prompts(path: Path, number: int) -> None:
    """What the writer would ask, for peers."""
    by_id = {one.id: one for one in load_library(load_taxonomy()).principles}
    options = WriterOptions.plain()
    with path.open("w", encoding="utf-8") as file:
        for row in rows(number):
            hints = [
                Hint(principle_id=id, statement=one.statement, criteria=one.ready_criteria())
                for id in row["principle_ids"]
                if (one := by_id[id])
            ]
            scenario = Scenario(
                labels={name: Label.model_validate(one) for name, one in row["scenario"].items()}
            )
            asked = Conversation.of(row["prompt"][0]["content"])
            prompt = rubric_prompt(asked, hints, scenario, {}, (), options)
            schema = {"title": "rubric", **rubric_schema([], options)}
            line = {"id": row["prompt_id"], "prompt": prompt, "schema": schema}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def ours(questions: Path, out: Path, port: int, in_flight: int) -> list[str]:
    return [
        *(sys.executable, "-m", "clinalign", "synthesize", str(questions), "--out", str(out)),
        *("--stage", "rubric", "--in-flight", str(in_flight), "--no-find"),
        *("--base-url", f"http://127.0.0.1:{port}/v1", "--model", "stub"),
    ]


def timed(command: list[str], stats: Stats) -> dict[str, Any]:
    """One command against the stub: what the stub saw, and the command's own size and time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    largest = _largest(process)
    _, said = process.communicate()
    wall = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(said.decode()[-3000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seen = stats()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**seen, "wall": wall, "cpu": cpu, "largest_mib": largest}


def _largest(process: "subprocess.Popen[bytes]") -> float:
    """MiB, of the process alone."""
    status, largest = Path(f"/proc/{process.pid}/status"), 0.0
    while process.poll() is None:
        try:
            found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))
        except OSError:
            break
        largest = max(largest, int(found[1]) / 1024 if found else 0.0)
        time.sleep(0.5)
    return largest


def speed(number: int, in_flight: list[int], peers: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder, stub(LATENCY) as (port, stats):
        questions, prompts = Path(folder, "rows.jsonl"), Path(folder, "prompts.jsonl")
        write_rows(questions, number)
        write_prompts(prompts, number)
        for places in in_flight:
            out = Path(folder, f"ours-{places}.jsonl")
            _told("clinalign", number, places, timed(ours(questions, out, port, places), stats))
            for name in ("abatch", "distilabel") if peers else ():
                python = peers / name / "bin" / "python"  # type: ignore[operator]
                script = ROOT / "benchmarks" / "synthesis_peers" / f"{name}_peer.py"
                out = Path(folder, f"{name}-{places}.jsonl")
                base = f"http://127.0.0.1:{port}/v1"
                command = [str(python), str(script), str(prompts), str(out), base, str(places)]
                _told(name, number, places, timed(command, stats))


def _told(name: str, number: int, places: int, seen: dict[str, Any]) -> None:
    ideal = seen["calls"] * LATENCY / places
    print(
        f"{name:11} {number:6} rows, {places:3} in flight: {seen['calls']} calls in "
        f"{seen['seconds']:.1f} s, ideal {ideal:.1f} s, ratio {seen['seconds'] / ideal:.2f}; "
        f"most {seen['most_in_flight']}, {seen['cpu'] / number * 1000:.1f} ms of processor a row, "
        f"{seen['largest_mib']:.0f} MiB"
    )


def resume(number: int = 100_000) -> None:
    """How long a run takes that finds everything done, and one that finds nothing to do at all."""
    with tempfile.TemporaryDirectory() as folder, stub(0.0) as (port, _):
        few, many = Path(folder, "few.jsonl"), Path(folder, "many.jsonl")
        write_rows(few, 1)
        write_rows(many, number)
        done = {}
        for name, questions in {"few": few, "many": many}.items():
            out = Path(folder, f"{name}-out.jsonl")
            subprocess.run(ours(questions, out, port, 256), check=True, capture_output=True)
            times = []
            for _ in range(3):
                began = time.perf_counter()
                subprocess.run(ours(questions, out, port, 256), check=True, capture_output=True)
                times.append(time.perf_counter() - began)
            done[name] = min(times)
            size = out.stat().st_size / 2**20
        print(
            f"resume: {number} rows done ({size:.0f} MiB) in {done['many']:.1f} s, "
            f"one row done in {done['few']:.1f} s: {done['many'] - done['few']:.1f} s to find "
            "the place"
        )


def memory(number: int) -> None:
    with tempfile.TemporaryDirectory() as folder, stub(0.0) as (port, stats):
        questions, out = Path(folder, "rows.jsonl"), Path(folder, "out.jsonl")
        kept = [json.dumps(row, ensure_ascii=False) for row in rows(1000)]
        with questions.open("w", encoding="utf-8") as file:
            for place in range(number):
                file.write(kept[place % 1000] + "\n")
        command = [*ours(questions, out, port, 64), "--controls", "near"]
        seen = timed(command, stats)
        print(
            f"memory: {number} rows in {seen['wall']:.0f} s, {seen['calls']} calls, largest "
            f"{seen['largest_mib']:.0f} MiB"
        )


def prefix(python: str, number: int) -> None:
    """The share of prompt tokens that a real server had read before; the replies are noise."""
    from tests.servers.vllm_server import tiny_vllm

    with tempfile.TemporaryDirectory() as folder:
        questions, out = Path(folder, "rows.jsonl"), Path(folder, "out.jsonl")
        write_rows(questions, number)
        with tiny_vllm(python, Path(folder)) as base_url:
            total, cached = prompt_tokens(base_url)
            command = [
                *(sys.executable, "-m", "clinalign", "synthesize", str(questions)),
                *("--out", str(out), "--stage", "rubric", "--in-flight", "16", "--no-find"),
                *("--base-url", base_url, "--model", "tiny"),
            ]
            subprocess.run(command, check=True)
            after = prompt_tokens(base_url)
    total, cached = after[0] - total, after[1] - cached
    print(f"prefix: {total:,.0f} prompt tokens, {cached:,.0f} read before: {cached / total:.0%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["speed", "resume", "memory", "prefix"])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[256, 128])
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--python", default=str(ROOT / ".venv-serve" / "bin" / "python"))
    given = parser.parse_args()
    match given.what:
        case "speed":
            speed(given.rows, given.in_flight, given.peers)
        case "resume":
            resume()
        case "memory":
            memory(given.rows)
        case "prefix":
            prefix(given.python, 24)


if __name__ == "__main__":
    main()
