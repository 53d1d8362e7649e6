"""Draws how a run went: rewards by step, and what both judges saw."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inference.extras import needed
from training.drift import Alarm, Observation

INCHES = (8.0, 8.0)


def draw_drift(seen: Sequence[Observation], alarm: Alarm | None, path: Path) -> None:
    """Proxy, gold and their gap; communication; length: three panels over the steps.

    Raises:
        Lacking: matplotlib is not installed.
    """
    steps = [one.step for one in seen]
    figure, (scores, axis, length) = _panels(3)
    scores.plot(steps, [one.proxy for one in seen], label="training judge (proxy)")
    scores.plot(steps, [one.gold for one in seen], label="examiner, with held-out criteria (gold)")
    scores.plot(steps, [one.gap for one in seen], label="gap", linestyle=":")
    scores.set_ylabel("share of points")
    spoken = [one for one in seen if one.communication is not None]
    axis.plot([one.step for one in spoken], [one.communication for one in spoken])
    axis.set_ylabel("communication, examiner")
    length.plot(steps, [one.tokens for one in seen])
    length.set_ylabel("tokens")
    length.set_xlabel("step")
    if alarm:
        for panel in (scores, axis, length):
            panel.axvline(alarm.step, color="tab:red", linestyle="--")
        scores.set_title(f"stopped: {alarm}", fontsize=9)
    scores.legend()
    _saved(figure, path)


def draw_rewards(logs: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """Rewards of rollouts, a line a run, and of the questions that are never trained on, as dots.

    Args:
        logs: lines of `log.jsonl`, by the name of the run.
        path: of the PNG file.

    Raises:
        Lacking: matplotlib is not installed.
    """
    figure, (panel,) = _panels(1)
    for name, rows in logs.items():
        (line,) = panel.plot(*_points(rows, "reward"), label=name)
        steps, held_out = _points(rows, "eval_reward")
        panel.plot(steps, held_out, "o", color=line.get_color())
    panel.set_xlabel("step")
    panel.set_ylabel("mean reward; dots: questions held out")
    panel.legend()
    _saved(figure, path)


def _points(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[list[Any], list[Any]]:
    found = [(row["step"], row[name]) for row in rows if name in row]
    return [step for step, _ in found], [value for _, value in found]


def _panels(number: int) -> tuple[Any, Any]:
    with needed("matplotlib", "training"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    figure = Figure(figsize=INCHES)
    FigureCanvasAgg(figure)
    return figure, figure.subplots(number, 1, sharex=True, squeeze=False)[:, 0]


def _saved(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=110)
