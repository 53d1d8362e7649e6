from typing import Any

import pytest

from inference.errors import BadInput
from inference.messages import MOST_CHARACTERS, Conversation
from inference.words import read


def test_the_question_is_the_last_user_turn() -> None:
    turns = [("user", "I have a cough."), ("assistant", "Since when?"), ("user", "A week.")]
    given = {"messages": [{"role": role, "content": content} for role, content in turns]}

    asked = read(Conversation, given, "conversation")

    assert asked.question == "A week."
    assert asked.as_text() == "user: I have a cough.\n\nassistant: Since when?\n\nuser: A week."


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], "messages whose last one is the user's"),
        ([{"role": "assistant", "content": "Hello."}], "messages whose last one is the user's"),
        ([{"role": "user", "content": " \n"}], "a question that is not empty"),
        ([{"role": "user", "content": "x" * (MOST_CHARACTERS + 1)}], "at most 100,000 characters"),
        ([{"role": "doctor", "content": "x"}], "one of 'system', 'user' or 'assistant'"),
        ([{"role": "user"}], "a value; it is missing"),
        ([{"role": "user", "content": 5}], "a valid string"),
        ([{"role": "user", "content": b"x"}], "JSON: objects, lists, text"),
        ([{"role": "user", "content": "\ud800"}], ""),
        ("hello", ""),
    ],
)
def test_what_is_no_conversation_is_refused(messages: Any, expected: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(Conversation, {"messages": messages}, "conversation")

    assert expected in str(caught.value)
    assert str(caught.value).startswith("conversation")


def test_a_refusal_shows_the_value_to_its_owner_and_to_nobody_else() -> None:
    secret = [{"role": "doctor", "content": "x"}]

    with pytest.raises(BadInput) as caught:
        read(Conversation, {"messages": secret}, "conversation")

    assert "'doctor'" in str(caught.value)
    assert "'doctor'" not in caught.value.without_values()


def test_a_long_value_is_shown_in_part() -> None:
    with pytest.raises(BadInput) as caught:
        read(int, "x" * 5_000, "k")

    assert len(str(caught.value)) < 200
