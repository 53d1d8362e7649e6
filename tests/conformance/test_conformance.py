"""The official MCP conformance suite against our server, in both revisions of the protocol.

The fixture build has the contents that the suite asks for; the shipped build has ours, and a
baseline names each check that wants contents of the suite's, with the reason.
"""

from pathlib import Path

import pytest
import yaml

from tests.conformance.node import Report, run_suite

pytestmark = pytest.mark.reliability

HERE = Path(__file__).parent
MODERN, OLDER = "2026-07-28", "2025-11-25"
REVISIONS = pytest.mark.parametrize("revision", [MODERN, OLDER])

REQUIRED = {MODERN: 37, OLDER: 30}
NOT_REQUIRED = {  # and yet passed
    MODERN: (
        "http-header-validation",
        "http-custom-header-server-validation",
        "json-schema-2020-12",
    ),
    OLDER: ("server-session-lifecycle", "json-schema-2020-12"),
}
ABOUT_EVERY_SERVER = {
    MODERN: (
        "tools-list",
        "resources-list",
        "prompts-list",
        "completion-complete",
        "caching",
        "input-required-result-unsupported-methods",
        "server-sse-multiple-streams",
        "dns-rebinding-protection",
        "http-header-validation",
    ),
    OLDER: (
        "server-initialize",
        "ping",
        "tools-list",
        "resources-list",
        "prompts-list",
        "completion-complete",
        "server-sse-multiple-streams",
        "dns-rebinding-protection",
        "server-session-lifecycle",
    ),
}
STATELESS = "server-stateless"
NEEDING_TOOLS = {  # of the suite's; the fixture build has them
    "sep-2575-missing-capability-http-400",
    "sep-2575-server-rejects-undeclared-capability",
    "sep-2575-server-sends-prompts-list-changed-on-subscription",
    "sep-2575-server-sends-tools-list-changed-on-subscription",
}


@pytest.fixture(scope="module")
def fixture_reports(
    fixture_url: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Report]:
    return reports("fixture", fixture_url, tmp_path_factory)


@pytest.fixture(scope="module")
def shipped_reports(
    shipped_url: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Report]:
    return reports("shipped", shipped_url, tmp_path_factory)


def reports(build: str, url: str, folders: pytest.TempPathFactory) -> dict[str, Report]:
    return {
        revision: run_suite(url, revision, baseline(build, revision), folders.mktemp(build))
        for revision in REQUIRED
    }


def baseline(build: str, revision: str) -> Path:
    return HERE / f"{build}-{revision}.yml"


def forgiven(build: str, revision: str) -> list[str]:
    entries: list[str] = yaml.safe_load(baseline(build, revision).read_text("utf-8"))["server"]
    return entries


@REVISIONS
def test_the_fixture_build_passes_every_scenario_that_a_revision_requires(
    fixture_reports: dict[str, Report], revision: str
) -> None:
    report = fixture_reports[revision]

    failed = set(report.required) - set(report.passed)
    assert not failed, f"{len(failed)} of {len(report.required)}: {show(report)}"
    assert len(report.passed) == REQUIRED[revision]
    assert report.exit_code == 0, report.output


@REVISIONS
def test_the_fixture_build_passes_what_no_revision_requires_yet(
    fixture_reports: dict[str, Report], revision: str
) -> None:
    report = fixture_reports[revision]

    assert not set(NOT_REQUIRED[revision]) - set(report.clean), show(report)


@REVISIONS
def test_the_shipped_build_passes_every_scenario_that_asks_for_no_foreign_contents(
    shipped_reports: dict[str, Report], revision: str
) -> None:
    report = shipped_reports[revision]

    assert not set(ABOUT_EVERY_SERVER[revision]) - set(report.clean), show(report)
    assert report.exit_code == 0, report.output  # nothing else, and nothing stale


@REVISIONS
@pytest.mark.parametrize("build", ["fixture", "shipped"])
def test_what_is_forgiven_is_a_check_that_fails_and_has_its_reason(
    build: str, revision: str, request: pytest.FixtureRequest
) -> None:
    report: Report = request.getfixturevalue(f"{build}_reports")[revision]
    names = forgiven(build, revision)

    rows = baseline(build, revision).read_text("utf-8").splitlines()
    entries = [row for row in rows if row.startswith("  - ")]
    assert len(entries) == len(names)
    assert [row for row in entries if len(row.partition(" # ")[2]) < 10] == []
    assert sorted(names) == sorted({one.name for one in report.complaints}), show(report)


def test_the_shipped_build_is_stateless_in_all_that_can_be_checked_on_it(
    shipped_reports: dict[str, Report],
) -> None:
    checks = [one for one in shipped_reports[MODERN].checks if one.scenario == STATELESS]
    bad = {one.id for one in checks if one.is_bad}
    good = {one.id for one in checks if one.status == "SUCCESS"} - bad

    assert bad == NEEDING_TOOLS, [str(one) for one in checks if one.is_bad]
    assert len(good) == 24


@REVISIONS
@pytest.mark.parametrize("build", ["fixture", "shipped"])
def test_every_message_keeps_to_the_schema_of_its_revision(
    build: str, revision: str, request: pytest.FixtureRequest
) -> None:
    report: Report = request.getfixturevalue(f"{build}_reports")[revision]

    looked_at = [one for one in report.checks if one.id == "wire-schema-valid"]
    wrong = [str(one) for one in looked_at if one.status != "SUCCESS"]
    assert len(looked_at) >= REQUIRED[revision] - 5, f"only {len(looked_at)} scenarios sent any"
    assert not wrong, f"{len(wrong)} of {len(looked_at)}: {wrong}"


def show(report: Report) -> str:
    return f"exit code {report.exit_code}; " + "; ".join(map(str, report.complaints))
