"""What a trained verifier says of itself, beside its model: `verifier.json`.

`training.verifier_export` writes such a folder, `rubrics.distilled_judge` judges with it.
"""

import hashlib
import math
from pathlib import Path
from typing import Literal

from pydantic import Field

from inference.errors import BadInput, StorageError
from inference.words import Word

CARD, MODEL, TOKENIZER = "verifier.json", "model.onnx", "tokenizer.json"
FILES = frozenset((CARD, MODEL, TOKENIZER))
MOST_ODDS = 500  # beyond it the chance is no different


class Figures(Word):
    """How verdicts that were told agree with a judge's. None where undefined."""

    balanced_accuracy: float | None
    balanced_f1: float | None
    auc: float | None
    """The chance that a met one is rated above an unmet one."""


class HeldOut(Word):
    """What was measured on questions that nothing was learnt from."""

    questions: int
    examples: int
    verifier: Figures
    decided: float
    """The share of the examples outside the band."""
    where_decided: Figures
    no_answer: Figures
    """The same encoder, trained the same way without the answer."""
    length: Figures
    """From the answer's number of words alone."""
    majority: Figures
    """The commoner verdict for all."""


class Line(Word):
    """From a figure to the log odds of being met, were both verdicts as common."""

    slope: float
    offset: float

    def chance(self, figure: float) -> float:
        odds = self.slope * figure + self.offset
        return 1 / (1 + math.exp(-odds)) if odds > -MOST_ODDS else 0.0


class VerifierCard(Word):
    kind: Literal["clinalign verifier 1"] = "clinalign verifier 1"
    judges: tuple[str, ...]
    """Whose verdicts it learnt from."""
    encoder: str
    data_sha256: str
    """Of the examples."""
    model_sha256: str
    tokenizer_sha256: str
    examples: int
    """That the weights were fitted to."""
    questions: int
    left_out: dict[str, int]
    """Reason -> verdicts that no example was made of."""
    epochs: int
    batch: int
    learning_rate: float
    seed: int
    most_tokens: int = Field(ge=8)
    pad_id: int
    line: Line
    """From the model's figure to the chance of being met."""
    unmet_up_to: float
    met_from: float
    """Between these two chances it is undecided."""
    held_out: HeldOut
    libraries: dict[str, str]


def read_card(folder: Path, where: str) -> VerifierCard:
    """The card of a verifier's folder, once the files beside it are known to be those it names.

    Args:
        folder: what `clinalign train judge` wrote.
        where: names the folder in errors.

    Raises:
        BadInput: there is no such folder.
        StorageError: its files are damaged, or do not belong together.
    """
    path = folder / CARD
    if not path.is_file():
        raise BadInput(where, f"a folder with a {CARD}, as `clinalign train judge` writes", folder)
    try:
        card = VerifierCard.model_validate_json(path.read_bytes())
        wanted = {MODEL: card.model_sha256, TOKENIZER: card.tokenizer_sha256}
        torn = [name for name, hash in wanted.items() if sha256_of(folder / name) != hash]
    except ValueError:
        raise StorageError(f"{path} is no verifier's card; train it again") from None
    except OSError as error:
        raise StorageError(f"{folder} cannot be read ({error.strerror}); train it again") from None
    if torn:
        told = f"{folder / torn[0]} is not the file that {CARD} names"
        raise StorageError(f"{told}; copy the whole folder again, or train it again")
    return card


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
