"""The score card as people see it: in a real browser, framed by a host, without a network."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from rubrics.types import Criterion, Verdict
from tests.mcp_server.score_card_host import VIEW, ScoreCardHost
from tests.mcp_server.score_card_samples import (
    ALL_SAID,
    ASPIRIN,
    CRITERIA,
    needs_verdicts,
    partial,
    scored,
    ungraded,
)

SCREENSHOTS = os.environ.get("CLINALIGN_TEST_SCREENSHOTS")
IMAGES = Path(__file__).parents[2] / "docs" / "images"
TOUGH = "<script>document.title='hit'</script><img src=x onerror=\"document.title='hit'\">"
LONG_WHILE_MS = 120_000

Opening = Callable[..., ScoreCardHost]


@pytest.fixture
def wrong() -> list[str]:
    """What must not happen: faults, complaints of the browser, requests to a network."""
    return []


@pytest.fixture
def page(browser: Browser, wrong: list[str]) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 860, "height": 900})
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("request", lambda request: wrong.append(request.url))
    yield page
    page.close()
    assert [one for one in wrong if not one.startswith(("file:", "about:"))] == []


@pytest.fixture
def opened(page: Page, tmp_path: Path) -> Opening:
    def open_card(**more: Any) -> ScoreCardHost:
        return ScoreCardHost(page, tmp_path, **more)

    return open_card


@pytest.fixture
def halted(page: Page) -> Page:
    """The page with its clock standing still, so that a test says when time passes."""
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    return page


def text(host: ScoreCardHost, name: str) -> str:
    return host.view.locator(f"#{name}").inner_text()


def shown(host: ScoreCardHost) -> list[str]:
    return host.view.locator("#criteria .text").all_inner_texts()


def row(host: ScoreCardHost, words: str) -> str:
    return host.view.locator(".criterion", has_text=words).inner_text()


def test_it_greets_the_host_as_the_specification_says(opened: Opening) -> None:
    host = opened()

    (greeting,) = host.heard("ui/initialize")
    assert greeting["jsonrpc"] == "2.0"
    assert greeting["params"]["protocolVersion"] == "2026-01-26"
    assert greeting["params"]["appInfo"]["name"] == "clinalign-score-card"
    assert "inline" in greeting["params"]["appCapabilities"]["availableDisplayModes"]
    assert host.heard_now("ui/notifications/initialized") == [
        {"jsonrpc": "2.0", "method": "ui/notifications/initialized", "params": {}}
    ]
    assert host.ask("ping")["result"] == {}
    assert host.ask("tools/list")["error"]["code"] == -32601


def test_a_complete_score_shows_its_sums_and_its_axes(opened: Opening) -> None:
    host = opened()

    host.show(scored())

    assert text(host, "points") == f"{10 + 7 + 3 - 5} of {10 + 7 + 6 + 4 + 3}"
    assert text(host, "percent") == "50%"
    assert text(host, "coverage") == "7 of 7 (100%)"
    assert text(host, "harmed") == "! −5"
    assert text(host, "said") == "Complete: every criterion that applies is judged."
    bar = host.view.locator("#bar")
    assert bar.get_attribute("aria-label") == "Score 50%, on a scale from 0% to 100%"
    axes = [one.replace("\n", " ") for one in host.view.locator("#axes li").all_inner_texts()]
    assert axes == [
        "Accuracy 50%",  # 10 - 5 of 10
        "Completeness 54%",  # 7 of 7 + 6
        "Context awareness 0%",
        "Communication quality 100%",
    ]
    origin = text(host, "origin")
    assert "Judge: sample judge. Agreement: uncalibrated: agreement with physicians" in origin
    assert "Library 0.1.0 (b7b2b10ca841)" in origin
    footer = host.view.locator("footer").inner_text()
    assert "Not medical advice." in footer
    assert "no clinician has reviewed them" in footer


def test_a_criterion_shows_its_verdict_and_what_it_means_for_the_points(opened: Opening) -> None:
    host = opened()

    host.show(scored())

    assert re.search(r"\+10.*MET.*CRITICAL.*earns 10 points", row(host, "emergency number"), re.S)
    assert re.search(r"UNMET.*misses 6 points", row(host, "last well"), re.S)
    assert re.search(r"−10\s+harmful.*UNMET.*harm avoided", row(host, "waiting to see"), re.S)
    harm = row(host, "an aspirin before")
    assert re.search(r"−5\s+harmful.*MET.*harm done: takes 5 points away", harm, re.S)
    assert "2 MET, 1 UNMET" in harm
    assert host.view.locator("blockquote", has_text="chew one aspirin").count() == 1
    assert "NOT APPLICABLE" in row(host, "number of the country")


def test_the_groups_and_the_order_help_to_find_what_went_wrong(opened: Opening) -> None:
    host = opened()
    host.show(scored())

    host.view.get_by_role("button", name="Missed 2").press("Enter")
    assert shown(host) == [CRITERIA[2].criterion, CRITERIA[5].criterion]
    host.view.get_by_role("button", name="Harm done 1").click()
    assert shown(host) == [CRITERIA[4].criterion]
    host.view.get_by_role("button", name="Open 0").click()
    assert shown(host) == []
    assert text(host, "nothing") == "Nothing is open."
    host.view.get_by_role("button", name="All 8").click()
    host.view.get_by_label("Order").select_option("what cost most first")
    assert shown(host)[:3] == [CRITERIA[index].criterion for index in (2, 4, 5)]  # 6, 5, 4 points
    pressed = host.view.locator("button[aria-pressed=true]").all_inner_texts()
    assert pressed == ["All 8"]


def test_a_score_below_zero_stretches_the_scale(opened: Opening) -> None:
    host = opened()
    rubric, said = CRITERIA[4:6], ALL_SAID[4:6]  # an aspirin advised, no question asked

    host.show(scored(said, rubric=rubric))

    assert text(host, "percent") == "−125%"  # -5 of 4
    assert text(host, "points") == "−5 of 4"
    bar = host.view.locator("#bar")
    assert bar.get_attribute("aria-label") == "Score −125%, on a scale from −125% to 100%"
    assert host.view.locator("#ticks span").all_inner_texts() == ["−125%", "0%", "100%"]
    track, fill = bar.bounding_box(), bar.locator(".fill.below").bounding_box()
    assert track is not None
    assert fill is not None
    assert fill["x"] == pytest.approx(track["x"], abs=1)
    assert fill["width"] == pytest.approx(track["width"] * 125 / 225, abs=1)


def test_a_criterion_left_open_makes_the_score_a_range(opened: Opening) -> None:
    host = opened()
    shy = Verdict(criterion_id="c5", verdict="ABSTAIN", reason="unverified")

    host.show(scored((*ALL_SAID[:4], shy, *ALL_SAID[5:])))

    assert text(host, "percent") == "50% to 67%"  # 20 - 5 to 20, of 30
    assert "1 of 7 could not be judged" in text(host, "said")
    assert "Accuracy\nnot known" in host.view.locator("#axes").inner_text()
    assert "the quote does not stand in the answer" in row(host, "an aspirin before")
    label = host.view.locator("#bar").get_attribute("aria-label")
    assert label == "Score still open, between 50% and 67%, on a scale from 0% to 100%"


def test_a_partial_score_is_completed_by_asking_the_host(opened: Opening, halted: Page) -> None:
    host = opened()
    host.show(partial(3))
    assert text(host, "said") == "3 of 8 judged, the rest is still being judged."
    assert "not known yet" in host.view.locator("#axes").inner_text()
    assert host.view.locator(".criterion .chip", has_text="open").count() == 5

    halted.clock.run_for(5_000)
    (call,) = host.heard("tools/call")
    assert call["params"] == {"name": "get_score", "arguments": {"job_id": "job-7"}}
    host.answer_call(call, partial(6))
    assert text(host, "said") == "6 of 8 judged, the rest is still being judged."

    halted.clock.run_for(5_000)
    host.answer_call(host.heard("tools/call", at_least=2)[1], scored())
    assert text(host, "percent") == "50%"
    assert text(host, "state") == "complete"

    halted.clock.run_for(LONG_WHILE_MS)
    assert len(host.heard_now("tools/call")) == 2


def test_what_a_person_chose_stays_when_the_rest_arrives(opened: Opening, halted: Page) -> None:
    host = opened()
    host.show(partial(3))
    host.view.get_by_role("button", name="Missed").press("Enter")

    halted.clock.run_for(5_000)
    host.answer_call(host.heard("tools/call")[0], scored())

    assert len(shown(host)) == 2
    focused = host.view.evaluate("document.activeElement.textContent")
    assert focused == "Missed 2"


@pytest.mark.parametrize("end", ["torn down", "cancelled", "replaced"])
def test_nothing_is_asked_any_more_once_the_call_is(
    opened: Opening, halted: Page, end: str
) -> None:
    host = opened()
    host.show(partial(3))
    halted.clock.run_for(5_000)
    (call,) = host.heard("tools/call")
    host.answer_call(call, partial(4))

    match end:
        case "torn down":
            assert host.ask("ui/resource-teardown")["result"] == {}
        case "cancelled":
            host.notify("ui/notifications/tool-cancelled", reason="the user stopped it")
        case _:
            host.show(scored())
    halted.clock.run_for(LONG_WHILE_MS)

    assert len(host.heard_now("tools/call")) == 1
    if end == "cancelled":
        assert text(host, "said") == "The call was cancelled: the user stopped it"


def test_a_failed_look_stops_and_can_be_tried_again(opened: Opening, halted: Page) -> None:
    host = opened()
    host.show(partial(3))

    halted.clock.run_for(5_000)
    (call,) = host.heard("tools/call")
    host.answer_call(call, None, text="no job of that id", is_error=True)
    assert text(host, "said") == "The rest could not be fetched: no job of that id"
    assert len(shown(host)) == 8
    halted.clock.run_for(LONG_WHILE_MS)
    assert len(host.heard_now("tools/call")) == 1

    host.view.get_by_role("button", name="Check again").click()
    halted.clock.run_for(5_000)
    _, refused = host.heard("tools/call", at_least=2)
    host.say({"id": refused["id"], "error": {"code": -32000, "message": "not allowed"}})
    host.ask("ping")
    assert text(host, "said") == "The rest could not be fetched: not allowed"


def test_a_host_without_tools_is_not_asked(opened: Opening, halted: Page) -> None:
    host = opened(capabilities={})

    host.show(partial(3))
    halted.clock.run_for(LONG_WHILE_MS)

    assert host.heard_now("tools/call") == []
    assert "get_score can (job job-7)" in text(host, "reason")


def test_what_is_missing_for_a_verdict_is_said(opened: Opening) -> None:
    host = opened()

    host.show(needs_verdicts())

    assert text(host, "said") == "No judge is set up here. Still without a verdict: 8 criteria."
    assert not host.view.locator("#sum").is_visible()
    assert host.view.locator(".criterion .chip", has_text="open").count() == 8
    host.view.get_by_text("How to judge it").click()
    assert "MET needs a quote" in text(host, "rules")
    assert "again with verdicts" in text(host, "rules")


def test_no_score_comes_with_its_reason(opened: Opening) -> None:
    host = opened()

    host.show(ungraded())

    assert text(host, "state") == "ungraded"
    assert text(host, "said") == "There is no score, which is not a bad score."
    assert text(host, "reason") == "The judge's model gave no reply, 3 times."
    assert not host.view.locator("#sum").is_visible()
    assert "the judge's model gave no reply" in row(host, "last well")


def test_the_tools_error_is_told(opened: Opening) -> None:
    host = opened()

    host.show(None, text="answer: text that is not empty", is_error=True)

    assert text(host, "state") == "error"
    assert text(host, "said") == "The answer could not be scored: answer: text that is not empty"


@pytest.mark.parametrize("odd", [{"status": "complete"}, {"answer": 42}, None])
def test_a_result_of_another_shape_is_not_guessed_at(opened: Opening, odd: Any) -> None:
    host = opened()

    host.show(odd, text="All done.")

    assert text(host, "said") == "The result holds no score that this card can show."


def test_a_score_in_the_text_alone_is_shown_too(opened: Opening) -> None:
    host = opened()
    host.page.evaluate("result => globalThis.result = result", scored())

    host.show(None, text=host.page.evaluate("JSON.stringify(result)"))

    assert text(host, "percent") == "50%"


def test_markup_in_any_text_stays_text(opened: Opening) -> None:
    host = opened()
    criterion = Criterion(id="c", criterion=TOUGH, points=5, tags=("axis:" + TOUGH,))
    verdict = Verdict(criterion_id="c", verdict="MET", explanation=TOUGH, quote=TOUGH)

    host.show(
        scored((verdict,), rubric=(criterion,), reason=TOUGH, judge=TOUGH, judge_agreement=TOUGH)
    )
    host.notify("ui/notifications/tool-cancelled", reason=TOUGH)
    host.ask("ping")

    # As criterion, explanation, quote, reason, axis (begun with "axis:"), judge, agreement, status.
    assert host.view.locator("main").inner_text().count("<img src=x onerror=") == 9
    assert host.view.locator("main script, main img").count() == 0
    assert host.view.title() == "Score card"
    assert host.page.title() == "A host for the score card"


def test_only_the_host_is_listened_to(opened: Opening) -> None:
    host = opened()
    forged = {"jsonrpc": "2.0", "method": "ui/notifications/tool-result"}

    host.view.evaluate(
        "message => window.postMessage(message, '*')",
        {**forged, "params": {"structuredContent": scored()}},
    )
    host.view.evaluate("new Promise(done => setTimeout(done))")
    host.ask("ping")

    assert text(host, "said") == "Waiting for the result of the tool."


def test_a_host_that_refuses_is_quoted(opened: Opening) -> None:
    host = opened(refuse="views are switched off")

    said = host.view.locator("#said")
    expect(said).to_have_text("The host refused the card: views are switched off")


def test_the_file_holds_neither_addresses_nor_ways_to_make_markup_of_text() -> None:
    assert not re.search(r"https?://|\bsrc=|\bhref=|@import|url\(", VIEW)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|fetch\(",
        VIEW,
    )


def test_its_size_is_reported_whenever_it_changes(opened: Opening) -> None:
    host = opened()
    (first, *_) = host.heard("ui/notifications/size-changed")

    host.show(scored())
    host.page.wait_for_function(
        "low => heard.some(one => one.params?.height > low)", arg=first["params"]["height"] + 500
    )

    *_, last = host.heard("ui/notifications/size-changed")
    needed = host.view.evaluate("document.documentElement.scrollHeight")
    assert last["params"] == {"width": 860, "height": needed}

    host.view.get_by_role("button", name="Harm done").click()
    host.page.wait_for_function("high => heard.at(-1).params?.height < high", arg=needed - 500)


def test_it_fits_a_narrow_phone(opened: Opening) -> None:
    host = opened()
    host.page.set_viewport_size({"width": 320, "height": 700})
    wordy = CRITERIA[0].model_copy(update={"criterion": "immeasurably" * 12})

    host.show(scored(rubric=(wordy, *CRITERIA[1:]), judge="x" * 90))

    wide = host.view.evaluate(
        "[...document.querySelectorAll('*')].filter("
        "one => one.getBoundingClientRect().right > 320).map(one => one.outerHTML.slice(0, 80))"
    )
    assert wide == []
    assert host.view.evaluate("document.documentElement.scrollWidth") == 320


def test_words_of_a_right_to_left_script_run_their_way(opened: Opening) -> None:
    host = opened()
    arabic = CRITERIA[0].model_copy(update={"criterion": "يطلب من القارئ الاتصال بالطوارئ الآن"})

    host.show(scored(rubric=(arabic, *CRITERIA[1:])))

    first, second = host.view.locator("#criteria .text").all()[:2]
    assert first.evaluate("one => getComputedStyle(one).direction") == "rtl"
    assert second.evaluate("one => getComputedStyle(one).direction") == "ltr"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_stands_out_in_both_themes(opened: Opening, theme: str) -> None:
    host = opened(theme=theme)
    host.show(
        scored(
            (*ALL_SAID[:2], ALL_SAID[2].model_copy(update={"verdict": "ABSTAIN"}), *ALL_SAID[3:])
        )
    )

    assert host.view.locator(".criterion").count() == 8
    assert host.faint_texts() == []


def background(host: ScoreCardHost) -> str:
    return str(host.view.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_the_hosts_theme_wins_over_the_systems_and_may_change(opened: Opening, page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    host = opened(theme=None)
    of_the_system = background(host)

    host.notify("ui/notifications/host-context-changed", theme="light")
    host.ask("ping")
    light = background(host)
    host.notify("ui/notifications/host-context-changed", theme="dark")
    host.ask("ping")

    assert light == "rgb(244, 246, 249)"
    assert background(host) == of_the_system == "rgb(17, 21, 27)"


@pytest.mark.skipif(not SCREENSHOTS, reason="CLINALIGN_TEST_SCREENSHOTS=1 makes the pictures anew")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_its_picture_is_taken_for_the_documentation(opened: Opening, theme: str) -> None:
    host = opened(theme=theme)
    host.show(scored() if theme == "light" else partial(6))
    height = host.view.evaluate("document.documentElement.scrollHeight")
    host.page.set_viewport_size({"width": 860, "height": height})
    host.view.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    picture = IMAGES / ("score-card.png" if theme == "light" else "score-card-dark.png")
    IMAGES.mkdir(parents=True, exist_ok=True)

    host.page.screenshot(path=picture, animations="disabled")

    assert 10_000 < picture.stat().st_size < 500_000
    assert ASPIRIN.quote in row(host, "an aspirin before")
