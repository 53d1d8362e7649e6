"""Writes the card of a trained model: what it was made of, by whom it was judged, what it is not.

All of it is read from the run's folder; nothing is claimed that is not there.
"""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from inference.errors import BadInput
from inference.templates import fill
from training.run_folder import RunFolder

NAMES = {
    "sft": "supervised fine-tuning",
    "dpo": "direct preference optimisation",
    "grpo": "group relative policy optimisation, with rewards by rubrics",
}
FIGURES = ("eval_reward", "reward", "reward/ungraded", "eval_loss", "loss")


def card_of(folder: RunFolder) -> str:
    """The card, as Markdown with the front matter that model hubs read.

    Raises:
        BadInput: the folder holds no run that has ended.
    """
    record, result = (_read(folder, name) for name in ("record.json", "result.json"))
    run = record["run"]
    template = (files("training") / "prompts" / "card.md").read_text(encoding="utf-8")
    data = [f"| {name} | `{one['sha256'][:16]}` |" for name, one in record["data"].items()]
    return fill(
        template,
        base=run["model"]["path"],
        algorithm=NAMES[run["algorithm"]],
        short=run["algorithm"],
        steps=str(result["steps"]),
        ended=result["why"],
        seed=str(run["seed"]),
        weights="low-rank adapters" if run["model"]["lora"] else "all weights",
        data="\n".join(data),
        judges=_named(result["judges"], "none: no answer was judged in this run"),
        examiners=_named(result["examiners"], "none: drift was not watched"),
        library=record["library"][:16] or "none",
        figures=_figures(folder.rows("log.jsonl")),
        settings=json.dumps(run["trainer"], indent=2)[:4000],
        versions=", ".join(f"{name} {value}" for name, value in record["versions"].items()),
        commit=record["commit"] or "not known",
    )


def _read(folder: RunFolder, name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder.path / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        way = f"the folder of a run that has ended; it has no {name}"
        raise BadInput("RUN", way, str(folder.path)) from None
    return found


def _named(names: Sequence[str], otherwise: str) -> str:
    return ", ".join(names) or otherwise


def _figures(rows: Sequence[Mapping[str, Any]]) -> str:
    """The first and the last of each figure that was logged."""
    lines = []
    for name in FIGURES:
        values = [row[name] for row in rows if isinstance(row.get(name), int | float)]
        if values:
            lines.append(f"| {name} | {values[0]:.4g} | {values[-1]:.4g} |")
    return "\n".join(lines) or "| none was logged | | |"
