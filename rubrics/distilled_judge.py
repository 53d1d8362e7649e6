"""A judge that was taught by another one's verdicts: a small encoder, quick and narrow.

It reads the criterion beside the question and the answer, and says how likely the judge that it
learnt from would say met. In between it is undecided; and it never says that something is missing
from an answer that it cannot read to its end. `training.verifier` trains it, `rubrics.staged_judge`
puts it before a thorough one.
"""

import asyncio
import copy
from pathlib import Path
from typing import Self

from inference.cross_encoder import CrossEncoder, Pair, PairTokenizer
from inference.messages import Conversation
from inference.sentences import sentences_of
from rubrics.counting import by_count
from rubrics.emptiness import says_nothing, unmet_by_nothing
from rubrics.judge import Heard, unheard
from rubrics.passport import UNCALIBRATED, Passport
from rubrics.quotes import borne_out
from rubrics.types import Criterion, Rubric, Verdict
from rubrics.untrusted import evidence_in, visible
from rubrics.verifier_card import CARD, MODEL, TOKENIZER, VerifierCard, read_card, sha256_of

DISTILLED = "distilled"
"""How the names of such judges begin."""
QUESTION_CHARACTERS = 400  # of the question's end: the answer needs the room


def shown(criterion: str, question: str, answer: str) -> Pair:
    """The two texts that the encoder reads; training and judging show the same."""
    asked = visible(question).strip()[-QUESTION_CHARACTERS:]
    return visible(criterion), f"{asked}\n\n{evidence_in(answer)}".strip()


class DistilledJudge:
    def __init__(self, folder: Path, where: str = "verifier") -> None:
        """Load a verifier.

        Args:
            folder: what `clinalign train judge` wrote.
            where: names the folder in errors.

        Raises:
            BadInput: there is no such folder.
            StorageError: its files are damaged, or do not belong together.
        """
        self.card = read_card(folder, where)
        written = (folder / TOKENIZER).read_text(encoding="utf-8")
        tokenizer = PairTokenizer(written, self.card.most_tokens, self.card.pad_id)
        self._encoder = CrossEncoder(folder / MODEL, tokenizer)
        self._passport: Passport | None = None
        self.name = f"{DISTILLED} from {', '.join(self.card.judges)}"
        # The card holds the hashes of model and tokenizer.
        self.fingerprint = f"{DISTILLED} | {sha256_of(folder / CARD)[:24]}"

    def measured(self, passport: Passport | None) -> Self:
        """The same judge with what was measured of it against physicians."""
        same = copy.copy(self)
        same._passport = passport
        return same

    @property
    def agreement(self) -> str:
        return str(self._passport or f"{UNCALIBRATED}; {_beside(self.card)}")

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric, heard: Heard = unheard
    ) -> tuple[Verdict, ...]:
        found = await asyncio.to_thread(self._verdicts, conversation, answer, rubric)
        for verdict in found:
            heard(verdict)
        return found

    def _verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric
    ) -> tuple[Verdict, ...]:
        evidence, question = evidence_in(answer), conversation.question
        nothing = says_nothing(evidence, question, [one.criterion for one in rubric.criteria])
        rated = self._encoder.rated(
            [shown(one.criterion, question, answer) for one in rubric.criteria]
        )
        cases = zip(rubric.criteria, rated.logits, rated.cut, strict=True)
        return tuple(
            by_count(criterion, answer)
            or (unmet_by_nothing(criterion) if nothing and criterion.points > 0 else None)
            or self._verdict(
                criterion, question, evidence, self.card.line.chance(float(logit)), cut
            )
            for criterion, logit, cut in cases
        )

    def _verdict(
        self, criterion: Criterion, question: str, evidence: str, chance: float, cut: bool
    ) -> Verdict:
        said = f"probability {chance:.2f} of being met, by a small model {self.name}"
        verdict = Verdict(
            criterion_id=criterion.id, verdict="UNMET", explanation=said, probability=chance
        )
        if chance >= self.card.met_from:
            quote = self._quote(criterion.criterion, question, evidence)
            told = f"{said}; the quote is the sentence that it rates highest"
            met = {"verdict": "MET", "quote": quote, "explanation": told}
            return borne_out(verdict.model_copy(update=met), evidence)
        if chance > self.card.unmet_up_to:
            open_ = {
                "verdict": "ABSTAIN",
                "reason": "undecided",
                "explanation": f"undecided: {said}",
            }
            return verdict.model_copy(update=open_)
        if cut:
            told = f"the answer is longer than this judge reads; {said}"
            left = {"verdict": "ABSTAIN", "reason": "beyond_the_judge", "explanation": told}
            return verdict.model_copy(update=left)
        return verdict

    def _quote(self, criterion: str, question: str, evidence: str) -> str:
        """The sentence that shows most, alone under the question; "" without any."""
        sentences = sentences_of(evidence)
        if not sentences:
            return ""
        rated = self._encoder.rated([shown(criterion, question, one) for one in sentences])
        return sentences[int(rated.logits.argmax())]


def _beside(card: VerifierCard) -> str:
    """How it agrees with the judge that it learnt from."""
    held = card.held_out
    figures = [held.verifier.auc, held.no_answer.auc, held.length.auc]
    told, blind, length = ("undefined" if one is None else f"{one:.2f}" for one in figures)
    return (
        f"on {held.examples} held-out verdicts of {', '.join(card.judges)} its AUC is {told}, "
        f"without the answer {blind}, by length alone {length}"
    )
