import pytest

from rubrics.errors import UnreadableReply
from rubrics.fencing import fenced
from rubrics.parsing import is_quoted, json_object


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        ' \n{"a": 1}\n',
        '```json\n{"a": 1}\n```',
        '```\n{"a": 1}\n```',
        'Here it is: {"a": 1}. Done.',
        '<think>{"a": 2}</think>{"a": 1}',
        'use {braces} like {"a": 1}',
        '{"a": 2} {"a": 1}',
        'opened in the prompt</think>{"a": 1}',
    ],
)
def test_the_last_object_of_a_reply_is_read(text: str) -> None:
    assert json_object(text) == {"a": 1}


def test_raw_line_breaks_in_strings_are_forgiven() -> None:
    assert json_object('{"a": "one\ntwo"}') == {"a": "one\ntwo"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MET",
        "[1, 2]",
        '{"a": ',
        "null",
        "{'a': 1}",
        '{"a":' * 5_000,
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '<think>it may be {"a": 1}',
    ],
)
def test_a_reply_without_an_object_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableReply):
        json_object(text)


ANSWER = "Call 112 now!  Give 0.5 mg into the thigh.\nDon’t wait."


@pytest.mark.parametrize(
    "quote", ["call 112 NOW", "Give 0.5 mg into the thigh. Don’t wait", "“Call 112 now!”", ANSWER]
)
def test_a_quote_is_found_whatever_its_case_and_punctuation(quote: str) -> None:
    assert is_quoted(quote, ANSWER)


def test_a_quote_may_leave_something_out() -> None:
    assert is_quoted("Give 0.5 mg into ... don't wait", ANSWER.replace("’", "'"))
    assert not is_quoted("Don't wait ... Give 0.5 mg", ANSWER.replace("’", "'"))
    assert not is_quoted("Call ... wait", ANSWER)


@pytest.mark.parametrize("quote", ["马上拨打120", "拨打120"])
def test_a_quote_is_found_within_a_script_without_spaces(quote: str) -> None:
    assert is_quoted(quote, "请马上拨打120，别回去收拾东西。")
    assert not is_quoted(quote, "请明天拨打电话。")


@pytest.mark.parametrize(
    "quote", ["", "...", "Call 911 now", "Give 5 mg", "Give 0.5 mg now", "al", "thigh wait call"]
)
def test_words_that_are_not_there_are_no_quote(quote: str) -> None:
    assert not is_quoted(quote, ANSWER)


def test_a_fence_is_longer_than_any_inside() -> None:
    first, *_, last = fenced("a\n```````\nb").split("\n")

    assert first == last == "`" * 8
