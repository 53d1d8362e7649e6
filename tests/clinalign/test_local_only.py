import subprocess
import sys

import pytest

from clinalign.local_only import (
    is_here,
    refuse_elsewhere,
    runs_elsewhere,
    shown_address,
    switched,
)
from inference.endpoint import Endpoint
from inference.errors import BadInput

HERE = "http://127.0.0.1:8000/v1"


def refuse(base_url: str, model: str = "m", localhost: tuple[str, ...] = ("127.0.0.1",)) -> None:
    refuse_elsewhere({"judge": Endpoint(base_url=base_url, model=model)}, lambda: localhost)


@pytest.mark.parametrize(
    "base_url",
    [
        HERE,
        "http://127.0.0.1",
        "https://127.0.0.1:8443/v1/",
        "http://127.1.2.3:9/v1",
        "http://[::1]:8000/v1",
        "http://localhost:11434/v1",
    ],
)
def test_an_address_of_this_machine_is_let_through(base_url: str) -> None:
    assert is_here(base_url)
    refuse(base_url)


@pytest.mark.parametrize(
    "base_url",
    [
        # other machines
        "https://api.openai.com/v1",
        "http://192.168.1.5:8000/v1",
        "http://10.0.0.1/v1",
        "http://0.0.0.0:8000/v1",
        "http://[::]:8000/v1",
        "http://[fe80::1]/v1",
        "http://128.0.0.1/v1",
        # names that only look like this machine's
        "http://localhost.evil.example/v1",
        "http://127.0.0.1.evil.example/v1",
        "http://127.0.0.1.nip.io/v1",
        "http://evil-localhost/v1",
        "http://my.localhost/v1",
        "http://localho\u017ft/v1",
        "http://\uff4cocalhost/v1",
        # names and passwords before the real host
        "http://127.0.0.1@evil.example/v1",
        "http://127.0.0.1:8000@evil.example/v1",
        "http://localhost:80:x@evil.example",
        "http://me:secret@127.0.0.1/v1",
        # what one program reads so and another otherwise
        "http://127.0.0.1\\@evil.example/v1",
        "http://evil.example\\@127.0.0.1/v1",
        "http://127.0.0.1#@evil.example/v1",
        "http://127.0.0.1?@evil.example/v1",
        "http://127.0.0.1/v1?to=evil.example",
        "http://127.0.0.1/v1#x",
        "http://127.0.0.1 .evil.example/v1",
        "http://127.0.0.1\t.evil.example/v1",
        "http://127.0.0.1/v1\n",
        " http://127.0.0.1/v1",
        "http://127.0.0.1%2eevil.example/v1",
        "http:///127.0.0.1/v1",
        "http:127.0.0.1/v1",
        # numbers in other clothes
        "http://2130706433/v1",
        "http://0x7f000001/v1",
        "http://0x7f.0.0.1/v1",
        "http://0177.0.0.1/v1",
        "http://127.0.0.01/v1",
        "http://127.1/v1",
        "http://127.0.0.256/v1",
        "http://127.0.0.1.5/v1",
        "http://\u0661\u0662\u0667.0.0.1/v1",
        "http://127.0.0.1:99999/v1",
        "http://127.0.0.1:\u0668\u0660/v1",
        # IPv6 with more in it
        "http://[::ffff:127.0.0.1]/v1",
        "http://[::ffff:8.8.8.8]/v1",
        "http://[::1%25eth0]/v1",
        "http://[::1].evil.example/v1",
        "http://[0:0:0:0:0:0:0:2]/v1",
        # dots at the end, sockets, other schemes, nothing
        "http://127.0.0.1./v1",
        "http://localhost./v1",
        "unix:///run/model.sock",
        "http+unix://%2Frun%2Fmodel.sock/v1",
        "file://127.0.0.1/etc/passwd",
        "HTTP://127.0.0.1/v1",
        "127.0.0.1:8000",
        "http://",
        "",
    ],
)
def test_every_other_address_is_refused(base_url: str) -> None:
    assert not is_here(base_url)
    with pytest.raises(BadInput):
        refuse(base_url)


def test_the_refusal_names_role_address_and_way_out() -> None:
    with pytest.raises(BadInput) as refused:
        refuse("http://me:secret@evil.example/v1")

    said = str(refused.value)
    assert "the model server of judge is 'http://evil.example/v1'" in said
    assert "http://127.0.0.1:8000/v1" in said
    assert "set CLINALIGN_JUDGE_BASE_URL, or take --local-only away" in said
    assert "secret" not in said


def test_every_role_is_looked_at_embeddings_too() -> None:
    endpoints = {"policy": Endpoint(base_url=HERE), "embeddings": Endpoint(base_url="http://e/v1")}

    with pytest.raises(BadInput, match="the model server of embeddings is 'http://e/v1'"):
        refuse_elsewhere(endpoints)


@pytest.mark.parametrize("localhost", [(), ("192.0.2.7",), ("127.0.0.1", "2001:db8::1")])
def test_localhost_is_refused_where_that_is_another_machine(localhost: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match="another machine's name here"):
        refuse("http://localhost:8000/v1", localhost=localhost)


def test_this_machines_localhost_is_itself() -> None:
    refuse_elsewhere({"policy": Endpoint(base_url="http://localhost:8000/v1")})


def test_no_name_server_is_asked_about_a_name() -> None:
    """It would already tell somebody; so a name is refused without being looked up."""

    def looked_up() -> tuple[str, ...]:
        raise AssertionError("a name was looked up")

    with pytest.raises(BadInput):
        refuse_elsewhere({"policy": Endpoint(base_url="http://gpu-box/v1")}, looked_up)


@pytest.mark.parametrize(
    "model", ["gpt-oss:120b-cloud", "glm-5:cloud", "kimi-k2.5:cloud", "x:cloud:latest"]
)
def test_a_model_that_a_local_server_runs_elsewhere_is_refused(model: str) -> None:
    assert runs_elsewhere(model)
    with pytest.raises(BadInput, match=r"the model of judge is .*expected one that runs on this"):
        refuse("http://127.0.0.1:11434/v1", model)


@pytest.mark.parametrize("model", ["", "cloudy:7b", "Qwen/Qwen3-4B", "cloud-expert/model:1b"])
def test_a_name_with_a_cloud_in_it_is_not_enough(model: str) -> None:
    assert not runs_elsewhere(model)


@pytest.mark.parametrize(
    ("said", "meant"),
    [("1", True), ("TRUE", True), ("on", True), ("0", False), ("no", False), (" ", False)],
)
def test_a_switch_is_read(said: str, meant: bool) -> None:
    assert switched({"CLINALIGN_LOCAL_ONLY": said}, "CLINALIGN_LOCAL_ONLY", default=False) == meant


def test_a_switch_that_says_neither_is_refused() -> None:
    with pytest.raises(BadInput, match="CLINALIGN_LOCAL_ONLY is 'maybe'; expected 1 or 0"):
        switched({"CLINALIGN_LOCAL_ONLY": "maybe"}, "CLINALIGN_LOCAL_ONLY", default=False)


@pytest.mark.parametrize("address", ["http://a:b@[::1/v1", "http://u:p@h:1/v1", "http://u@p@h/v1"])
def test_an_address_is_shown_without_its_password(address: str) -> None:
    assert "@" not in shown_address(address)


def test_the_check_costs_no_library() -> None:
    """It is part of reading the settings."""
    code = (
        "import sys, clinalign.local_only; print({'openai', 'aiohttp', 'httpx'} & {*sys.modules})"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout == "set()\n"
