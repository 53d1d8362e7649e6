"""Distillation, measured on principles that were planted in rubrics.

    python benchmarks/distillation.py [--set first|second|both] [--seed N] [--base-url URL]

Each hidden principle of `benchmarks/planted` has twenty criteria as twenty authors would word them.
They are dealt out to made-up questions, three to six of different principles each, with stray
criteria between. Distillation sees the rows alone. A proposal recovers a hidden principle when at
least half of its members are that principle's and at least 30 % of the principle's criteria are
among its members; every proposal that recovers nothing new is spurious. Thresholds were chosen on
the first half and on the odd-numbered principles of both halves.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "planted"
SETS = {"first": ("first",), "second": ("second",), "both": ("first", "second")}
LEAST_OWN, LEAST_HELD = 0.5, 0.3
NOISE = ""


@dataclass(frozen=True)
class Planted:
    """A criterion with the hidden principle that it serves; none for a stray one."""

    text: str
    points: float
    principle: str
    scenario: dict[str, str]


def planted(name: str) -> list[Planted]:
    """Every criterion of a set."""
    found = []
    for half in SETS[name]:
        data = yaml.safe_load((FOLDER / f"{half}.yaml").read_text(encoding="utf-8"))
        for one in data["principles"]:
            key = f"{half}.{one['id']}"
            found += [_planted(row, key, one["scenario"]) for row in one["criteria"]]
        found += [_planted(row, NOISE, {}) for row in data["noise"]]
    return found


def _planted(row: dict[str, Any], principle: str, scenario: dict[str, str]) -> Planted:
    return Planted(row["text"], row["points"], principle, scenario)


def dealt(criteria: Sequence[Planted], seed: int) -> list[list[Planted]]:
    """The criteria as rubrics: of different principles, of one urgency as far as that goes."""
    chance = random.Random(seed)
    left = [one for one in criteria if one.principle != NOISE]
    chance.shuffle(left)
    rubrics = []
    while left:
        first, size = left.pop(), chance.randint(3, 6)
        rubric = {first.principle: first}
        for one in sorted(left, key=lambda one: _urgency(one) != _urgency(first)):
            if len(rubric) < size:
                rubric.setdefault(one.principle, one)
        rubrics.append(list(rubric.values()))
        left = [one for one in left if one not in rubrics[-1]]
    for stray in (one for one in criteria if one.principle == NOISE):
        chance.choice(rubrics).append(stray)
    return rubrics


def _urgency(one: Planted) -> str:
    return one.scenario["urgency"]


def rows(rubrics: Sequence[Sequence[Planted]]) -> Iterator[dict[str, Any]]:
    """The rubrics as `distil` reads them; each has the scenario of its first criterion."""
    for number, rubric in enumerate(rubrics, start=1):
        yield {
            "prompt_id": f"q{number}",
            "prompt": [{"role": "user", "content": f"Question {number}"}],
            "scenario": rubric[0].scenario,
            "rubrics": [{"criterion": one.text, "points": one.points} for one in rubric],
        }


@dataclass(frozen=True)
class Outcome:
    hidden: int
    recovered: int
    proposals: int
    spurious: int
    purity: float
    """Share of the proposals' members that are of the kind that is most frequent there."""


def measured(criteria: Sequence[Planted], file: dict[str, Any]) -> Outcome:
    """What the proposals of a file are worth, looked up by their links alone."""
    principle_of = {one.text: one.principle for one in criteria}
    total = Counter(one.principle for one in criteria)
    recovered: set[str] = set()
    spurious = own = members = 0
    # The largest first, so that of two proposals of one principle the smaller one is spurious.
    for record in sorted(file["principles"], key=lambda one: -one["distilled"]["support"]):
        held = Counter(principle_of[link["criterion"]] for link in record["distilled"]["from"])
        (best, count), size = held.most_common(1)[0], held.total()
        own, members = own + count, members + size
        found = best != NOISE and count >= LEAST_OWN * size and count >= LEAST_HELD * total[best]
        if found and best not in recovered:
            recovered.add(best)
        else:
            spurious += 1
    hidden = len(total) - (NOISE in total)
    return Outcome(hidden, len(recovered), len(file["principles"]), spurious, own / members)


def distilled(criteria: Sequence[Planted], seed: int, options: Sequence[str]) -> dict[str, Any]:
    """What the command makes of the planted rubrics."""
    with tempfile.TemporaryDirectory() as folder:
        rubrics, out = Path(folder) / "rubrics.jsonl", Path(folder) / "proposed.yaml"
        lines = (json.dumps(row, ensure_ascii=False) for row in rows(dealt(criteria, seed)))
        rubrics.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "clinalign", "principles", "distil", str(rubrics)]
        subprocess.run(
            [*command, "--out", str(out), "--json", *options], check=True, stdout=subprocess.DEVNULL
        )
        file: dict[str, Any] = yaml.safe_load(out.read_text(encoding="utf-8"))
        return file


def main() -> None:
    """Print what was recovered."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--set", choices=SETS, default="both")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--base-url", default="", help="A model; without one the medoid path.")
    asked.add_argument("--model", default="")
    said = asked.parse_args()
    given = {"--base-url": said.base_url, "--model": said.model}
    options = [part for name, value in given.items() if value for part in (name, value)]
    criteria = planted(said.set)
    began = time.monotonic()
    file = distilled(criteria, said.seed, options or ["--no-find"])
    seconds = time.monotonic() - began
    found = measured(criteria, file)
    print(f"set {said.set}: {len(criteria)} criteria, writer {file['made']['writer']}")
    print(f"recovered {found.recovered} of {found.hidden} ({found.recovered / found.hidden:.0%})")
    share = found.spurious / max(1, found.proposals)
    print(f"spurious {found.spurious} of {found.proposals} proposals ({share:.0%})")
    print(f"purity {found.purity:.0%}, {seconds:.1f} s")


if __name__ == "__main__":
    main()
