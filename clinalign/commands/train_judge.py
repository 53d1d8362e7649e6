"""`clinalign train judge`: a small verifier out of a judge's verdicts."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from clinalign.render import progress, table_of
from inference.cross_encoder import Pair
from inference.errors import BadInput
from inference.whole_folders import check_free, whole_folder
from rubrics.verifier_card import (
    FILES,
    MODEL,
    TOKENIZER,
    Figures,
    HeldOut,
    Line,
    VerifierCard,
    sha256_of,
)
from training.inputs import parsed_rows
from training.logistic import fitted
from training.verifier import Encoder, Recipe, Verifier, open_encoder, trained
from training.verifier_data import Example, Lessons, Parts, lessons_of, parted, questions_in
from training.verifier_export import export, versions, write_card
from training.verifier_figures import SURE, chances_by, held_out_figures, in_words

WHAT, OUT = "VERDICTS", "--out"
COMPARED = 32  # held-out examples, by which the exported model is held against the trained one


@dataclass(frozen=True)
class Order:
    """What is to be trained from what."""

    file: str
    encoder: str
    out: str
    recipe: Recipe
    held_out: float
    """The share of the questions that nothing is learnt from."""


def run(order: Order, as_json: bool) -> None:
    """Train, measure, write and tell; all or nothing.

    Raises:
        BadInput: a row, the encoder or an option cannot be used.
        Lacking: a library is not installed.
        StorageError: the folder cannot be written.
        ClinalignError: training or export failed.
    """
    for option, given in {"--encoder": order.encoder, OUT: order.out}.items():
        if not given:
            raise BadInput(option, "a folder")
    if not 0 < order.held_out < 1:
        raise BadInput("--held-out", "a share between 0 and 1", order.held_out)
    out = Path(order.out).resolve()  # so that "." has a name
    check_free(out, FILES, OUT)
    lessons = lessons_of(parsed_rows(order.file, WHAT))
    encoder = open_encoder(Path(order.encoder), order.recipe.most_tokens)
    lessons = _that_fit(lessons, encoder, order.file)
    card = _made(order, lessons, encoder, out)
    told = in_words(card.held_out)
    if as_json:
        print(json.dumps({**card.model_dump(), "told": told, "out": str(out)}, ensure_ascii=False))
    else:
        show(card, told)
        use = "CLINALIGN_JUDGE=distilled CLINALIGN_JUDGE_FOLDER="
        print(f"Kept in {out}; to judge with it: {use}{out}")


def _that_fit(lessons: Lessons, encoder: Encoder, file: str) -> Lessons:
    """Without answers that the encoder could not read to their end."""
    fitting = tuple(one for one in lessons.examples if encoder.tokenizer.fits(one.pair()))
    left_out = dict(lessons.left_out)
    if cut := len(lessons.examples) - len(fitting):
        left_out["too_long"] = cut
    if not fitting:
        whys = ", ".join(f"{why} {number}" for why, number in left_out.items()) or "no rows"
        raise BadInput(f"{WHAT} {file}", f"verdicts to learn from; left out: {whys}")
    return lessons.model_copy(update={"examples": fitting, "left_out": left_out})


def _made(order: Order, lessons: Lessons, encoder: Encoder, out: Path) -> VerifierCard:
    parts = parted(lessons.examples, order.held_out, order.recipe.seed)
    steps = 2 * order.recipe.epochs * len(parts.training)
    with whole_folder(out, FILES, OUT) as draft, progress(steps, "training") as advance:
        teach = _teacher(encoder, parts, order.recipe, advance)
        verifier, line = teach(Example.pair)
        blind, blind_line = teach(Example.without_answer)
        held = held_out_figures(
            parts,
            chances_by(line, verifier.logits([one.pair() for one in parts.held_out])),
            chances_by(blind_line, blind.logits([one.without_answer() for one in parts.held_out])),
        )
        export(verifier, draft, [one.pair() for one in parts.held_out[:COMPARED]])
        card = VerifierCard(
            judges=lessons.judges,
            encoder=Path(order.encoder).resolve().name,
            data_sha256=lessons.sha256,
            model_sha256=sha256_of(draft / MODEL),
            tokenizer_sha256=sha256_of(draft / TOKENIZER),
            examples=len(parts.training),
            questions=len(questions_in(parts.training)),
            left_out={str(why): number for why, number in lessons.left_out.items()},
            epochs=order.recipe.epochs,
            batch=order.recipe.batch,
            learning_rate=order.recipe.learning_rate,
            seed=order.recipe.seed,
            most_tokens=encoder.most_tokens,
            pad_id=encoder.tokenizer.pad_id,
            line=line,
            unmet_up_to=round(1 - SURE, 6),
            met_from=SURE,
            held_out=held,
            libraries=versions(),
        )
        write_card(card, draft)
    return card


def _teacher(
    encoder: Encoder, parts: Parts, recipe: Recipe, advance: Callable[[int], None]
) -> Callable[[Callable[[Example], Pair]], tuple[Verifier, Line]]:
    """Trains on what is shown of each example; where the band lies is learnt on others."""

    def teach(shown: Callable[[Example], Pair]) -> tuple[Verifier, Line]:
        labels = [one.met for one in parts.training]
        pairs = [shown(one) for one in parts.training]
        verifier = trained(encoder, pairs, labels, recipe, advance)
        logits = verifier.logits([shown(one) for one in parts.tuning])
        return verifier, fitted(logits, [one.met for one in parts.tuning], rising=True)

    return teach


def show(card: VerifierCard, told: str) -> None:
    """A line for the verifier and each of its baselines."""
    held = card.held_out
    title = f"On {held.examples} verdicts about {held.questions} held-out questions"
    table = table_of(title, "", "balanced accuracy", "balanced F1", "AUC")
    for name, figures in _by_name(held).items():
        table.add_row(name, *map(_shown, figures.model_dump().values()))
    console = Console(highlight=False)
    console.print(table)
    learnt = f"Learnt from {card.examples} verdicts of {', '.join(card.judges)}"
    left = ", ".join(f"{why} {number}" for why, number in Counter(card.left_out).most_common())
    console.print(f"{learnt} about {card.questions} questions; left out: {left or 'none'}.")
    console.print(told)


def _by_name(held: HeldOut) -> dict[str, Figures]:
    return {
        "verifier": held.verifier,
        f"verifier, the {held.decided:.0%} it decides": held.where_decided,
        "no answer": held.no_answer,
        "length alone": held.length,
        "the commoner verdict": held.majority,
    }


def _shown(figure: float | None) -> str:
    return "undefined" if figure is None else f"{figure:.3f}"
