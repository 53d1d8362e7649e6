"""Keeps out of the log what the training libraries would write into it."""

import logging
import warnings


def quiet() -> None:
    """No progress bars, no notes to developers, and never a question or an answer."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    # TRL writes a question and its answer into the log where there is no reward.
    logging.getLogger("trl.trainer.grpo_trainer").addFilter(
        lambda record: "reward functions returned None" not in str(record.msg)
    )
