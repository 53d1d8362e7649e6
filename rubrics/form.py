"""The outward form of a question, in figures: how long, how many numbers, what kind of question.

A sentence's vector says what a question is about; its form says how much the asker has told.
"""

import math
import re

import numpy as np
from numpy.typing import NDArray

_AGE = re.compile(r"\b\d{1,2}\s?(yo|y/o|yr|year|[mf]\b)", re.IGNORECASE)
_UNKNOWABLE = re.compile(
    r"\b(prognos|how long|chance|odds|survive|will (it|he|she|i)|why|cause|evidence|studies|proven"
    r"|really work|controvers|conflict)\w*",
    re.IGNORECASE,
)
_CHOICE = re.compile(r"\b(dose|how much|how many|which|can i|should i|safe|ok to)\b", re.IGNORECASE)
_ASKING = re.compile(r"^(what|how|why|is|are|does|do|can)\b", re.IGNORECASE)
_SHORT, _LONG = 80, 500  # characters


def form_of(question: str) -> NDArray[np.float64]:
    """Ten figures, each of about the size of 1."""
    length = len(question)
    return np.array(
        [
            math.log(length + 1) / 6,
            len(re.findall(r"\d", question)) / (length + 10) * 10,
            min(question.count("?"), 4) / 4,
            bool(_AGE.search(question)),
            bool(_UNKNOWABLE.search(question)),
            bool(_CHOICE.search(question)),
            bool(_ASKING.search(question)),
            min(len(question.split()), 100) / 100,
            length < _SHORT,
            length > _LONG,
        ],
        dtype=np.float64,
    )
