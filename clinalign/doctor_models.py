"""Checks of the models: which are configured, which are there, and who judges."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from clinalign.checks import Check
from clinalign.model_servers import Heard, heard_from, is_here, usual_endpoints
from clinalign.passports import kept_passport
from clinalign.settings import FOLDER, ROLES, Settings, who_judges
from clinalign.verifiers import open_verifier
from inference.endpoint import Endpoint
from inference.errors import BadInput, StorageError
from rubrics.builtin_judge import builtin_fingerprint, shipped_passport
from rubrics.model_judge import Manner, fingerprint
from rubrics.passport import UNCALIBRATED, Passport

CALIBRATE = "run `clinalign judge calibrate --labels FILE` with labels by physicians"


@dataclass(frozen=True)
class _Configured:
    roles: tuple[str, ...]
    endpoint: Endpoint
    heard: Heard | None
    """None for a server elsewhere: it is not asked."""

    @property
    def model(self) -> str:
        """The model it comes to; empty where that is not known."""
        only = self.heard.models if self.heard and len(self.heard.models) == 1 else ("",)
        return self.endpoint.model or only[0]


def model_checks(settings: Settings, ports: Mapping[str, int]) -> list[Check]:
    """One for each configured server, one for those found, one for the judge.

    Args:
        settings: the model servers by role, and who judges.
        ports: kind of server -> its usual port on this machine.
    """
    usual, asked = usual_endpoints(ports), _by_endpoint(settings)
    local = [one for one in asked if is_here(one.base_url)]
    answers = heard_from([*usual.values(), *local])
    heard = dict(zip(local, answers[len(usual) :], strict=True))
    found = {
        kind: (endpoint, said.models)
        for (kind, endpoint), said in zip(usual.items(), answers, strict=False)
        if not said.trouble
    }
    configured = [_Configured(roles, one, heard.get(one)) for one, roles in asked.items()]
    checks = [_configured_check(one) for one in configured]
    checks += [] if configured else [_nothing_configured(found, settings.finds_model)]
    return [*checks, _found_check(found, ports), _judge_check(settings, configured)]


def _by_endpoint(settings: Settings) -> dict[Endpoint, tuple[str, ...]]:
    found: dict[Endpoint, tuple[str, ...]] = {}
    for role in (*ROLES, "embeddings"):
        if endpoint := getattr(settings, role):
            found[endpoint] = (*found.get(endpoint, ()), role)
    return found


def _configured_check(one: _Configured) -> Check:
    name = f"model for {', '.join(one.roles)}"
    address, model = _shown(one.endpoint.base_url), one.endpoint.model
    which = f"{model or 'its only model'} at {address}"
    if one.heard is None:
        return Check(name=name, status="ok", found=f"{which}; not on this machine, so not asked")
    if one.heard.trouble:
        fix = "start that server, or take the variable with its address away"
        return Check(
            name=name, status="failed", found=f"{which} {one.heard.trouble}", fix=f"{fix}."
        )
    there = ", ".join(one.heard.models) or "no model"
    if not one.model or one.model not in one.heard.models:
        fix = f"Name a model that is there: {there}." if one.heard.models else "Load a model there."
        return Check(name=name, status="failed", found=f"{which}: the server has {there}", fix=fix)
    return Check(name=name, status="ok", found=f"{one.model} at {address}")


def _nothing_configured(
    found: Mapping[str, tuple[Endpoint, tuple[str, ...]]], finds: bool
) -> Check:
    fix = "Start a model server, such as vLLM, and set CLINALIGN_BASE_URL to its address."
    for endpoint, models in found.values():
        model = f" and CLINALIGN_MODEL={models[0]}" if models else ""
        fix = f"Set CLINALIGN_BASE_URL={endpoint.base_url}{model} to use the one that runs here."
        break
    said = "none configured; answers are put together from the library's own sentences"
    if found and finds:
        said = "none configured; `ask` finds the one that runs here, `serve` looks for none"
    return Check(name="model", status="warning", found=said, fix=fix)


def _found_check(
    found: Mapping[str, tuple[Endpoint, tuple[str, ...]]], ports: Mapping[str, int]
) -> Check:
    said = [
        f"{_shown(endpoint.base_url)} (the port of {kind}): {', '.join(models) or 'no model'}"
        for kind, (endpoint, models) in found.items()
    ]
    none = f"none on the usual ports {', '.join(str(port) for port in ports.values())}"
    return Check(name="servers on this machine", status="ok", found="; ".join(said) or none)


def _judge_check(settings: Settings, configured: list[_Configured]) -> Check:
    """Who judges when `serve` is asked for a score, and how far that is measured."""
    try:
        chosen = who_judges(settings, "client")
    except BadInput as error:
        wanted = FOLDER if settings.judge_choice == "distilled" else "CLINALIGN_JUDGE_BASE_URL"
        fix = f"Set {wanted}, or CLINALIGN_JUDGE=auto."
        return Check(name="judge", status="failed", found=str(error), fix=fix)
    if chosen == "distilled":
        return _verifier_check(settings)
    if chosen == "builtin":
        shipped, name = shipped_passport(), "the built-in screening judge"
        return _passport_check(settings, name, builtin_fingerprint(), shipped)
    if chosen == "client" or settings.judge is None:
        said = "the client's own model, which is handed a grading packet; it has no passport"
        return Check(name="judge", status="ok", found=said)
    model = next((one.model for one in configured if one.endpoint == settings.judge), "")
    if not model:
        said = f"the model at {_shown(settings.judge.base_url)}; its name is not known"
        fix = "Set CLINALIGN_JUDGE_MODEL, so that its passport can be found."
        return Check(name="judge", status="warning", found=said, fix=fix)
    return _passport_check(settings, model, fingerprint(model, Manner()))


def _verifier_check(settings: Settings) -> Check:
    try:
        judge = open_verifier(settings)
    except (BadInput, StorageError) as error:
        fix = f"Set {FOLDER} to a folder that `clinalign train judge` wrote."
        return Check(name="judge", status="failed", found=str(error), fix=fix)
    return _passport_check(settings, judge.name, judge.fingerprint)


def _passport_check(
    settings: Settings, judge: str, measured: str, shipped: Passport | None = None
) -> Check:
    try:
        passport = kept_passport(settings.data_dir, measured) or shipped
    except StorageError as error:
        fix = "Remove that file and calibrate the judge again."
        return Check(name="judge", status="failed", found=f"{judge}; {error}", fix=fix)
    if passport is None:
        said = f"{judge}; {UNCALIBRATED}"
        return Check(name="judge", status="warning", found=said, fix=f"{CALIBRATE}.")
    return Check(name="judge", status="ok", found=f"{judge}; {passport}")


def _shown(base_url: str) -> str:
    """The address without a name and a password in it."""
    parts = urlsplit(base_url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
