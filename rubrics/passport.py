"""A judge's passport: its agreement with physicians, measured, and what its probabilities mean."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

from pydantic import Field

from inference.words import Word
from rubrics.agreement import Agreement, Labelled, Rate, agreement, rate
from rubrics.isotonic import Step, fitted, looked_up
from rubrics.types import Verdict

UNCALIBRATED = "uncalibrated: agreement with physicians not measured"


class Passport(Word):
    judge: str
    fingerprint: str
    """Of model, prompts and manner; a passport holds for this judge only."""
    data: str
    """What it was measured on."""
    rows: int
    agreement: Agreement
    families: dict[str, Rate] = Field(default={})
    """By category of criterion."""
    calibration: tuple[Step, ...] = ()
    """From the judge's own probability to the share of physicians who say met."""
    remark: str = ""

    def calibrated(self, probability: float) -> float:
        return looked_up(self.calibration, probability) if self.calibration else probability

    def __str__(self) -> str:
        found = self.agreement
        answered = 1 - found.ungraded / self.rows
        remark = f"; {self.remark}" if self.remark else ""
        return (
            f"balanced F1 {_shown(found.f1_balanced)}, kappa {_shown(found.kappa)} with physicians "
            f"on the {answered:.0%} of {self.rows} {self.data} it answered{remark}"
        )


def passport_for(
    name: str,
    fingerprint: str,
    data: str,
    rows: Sequence[Labelled],
    verdicts: Sequence[Verdict],
    remark: str = "",
) -> Passport:
    """Measure a judge by its verdicts on labelled rows, one each."""
    said, labels = [met(one) for one in verdicts], [row.labels for row in rows]
    places = defaultdict(list)
    for place, row in enumerate(rows):
        places[row.category].append(place)
    return Passport(
        judge=name,
        fingerprint=fingerprint,
        data=data,
        rows=len(rows),
        agreement=agreement(said, labels),
        families={
            name: rate([said[place] for place in found], [labels[place] for place in found])
            for name, found in sorted(places.items())
            if name
        },
        calibration=fitted(_outcomes(rows, verdicts)),
        remark=remark,
    )


def met(verdict: Verdict) -> bool | None:
    """What a verdict says as physicians' labels do; None for one that decides nothing."""
    return {"MET": True, "UNMET": False}.get(verdict.verdict)


def file_name(fingerprint: str) -> str:
    """What the passport of a judge is kept under."""
    return hashlib.sha256(fingerprint.encode()).hexdigest()[:24] + ".json"


def _outcomes(
    rows: Sequence[Labelled], verdicts: Sequence[Verdict]
) -> Iterator[tuple[float, bool]]:
    """The judge's own probability, or 1 and 0 where it gives none, beside each label."""
    for row, verdict in zip(rows, verdicts, strict=True):
        if (said := met(verdict)) is not None:
            given = verdict.probability
            for label in row.labels:
                yield float(said) if given is None else given, label


def _shown(figure: float | None) -> str:
    return "undefined" if figure is None else f"{figure:.2f}"
