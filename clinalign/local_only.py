"""`--local-only`: refuses every model server that is not on this machine.

An address is judged by its text, and strictly: programs read the odd ones differently, so those are
refused instead of understood. No name server is asked about any name: that would already tell
somebody. A server on this machine may itself pass on what it is asked; of that nothing is known
here, but for the names that Ollama gives to models it runs elsewhere.
"""

import re
import socket
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from inference.endpoint import Endpoint
from inference.errors import BadInput

# Neither names and passwords, nor whatever else an address may hold.
_HERE = re.compile(
    r"https?://(localhost|\[::1\]|127(?:\.[0-9]{1,3}){3})(?::([0-9]{1,5}))?(?:/[A-Za-z0-9._~/-]*)?"
)
_CLOUD = re.compile(r"(?:^|[:/-])cloud(?=$|:)")
_EXPECTED = "an address of this machine, such as http://127.0.0.1:8000/v1, as --local-only wants"
SWITCHES = {"": None, "1": True, "true": True, "on": True, "yes": True}
SWITCHES |= {"0": False, "false": False, "off": False, "no": False}

Addresses = Callable[[], Sequence[str]]


def switched(said: Mapping[str, str], name: str, default: bool) -> bool:
    """Whether the variable of this name switches something on.

    Raises:
        BadInput: it says neither yes nor no.
    """
    value = said.get(name, "").strip()
    if (found := value.lower()) not in SWITCHES:
        raise BadInput(name, "1 or 0", value)
    meant = SWITCHES[found]
    return default if meant is None else meant


def is_here(base_url: str) -> bool:
    """Whether an address, by its text, is one of this machine alone."""
    found = _HERE.fullmatch(base_url)
    if not found or int(found[2] or 0) > 65535:
        return False
    if found[1] == "localhost":
        return True
    try:
        return ip_address(found[1].strip("[]")).is_loopback
    except ValueError:  # a part above 255, or with a zero before it
        return False


def runs_elsewhere(model: str) -> bool:
    """Whether this is the name of a model that Ollama passes on to its own machines.

    Source: Ollama's model names, `NAME:cloud` and `NAME:SIZE-cloud`.
    """
    return _CLOUD.search(model.lower()) is not None


def of_localhost() -> Sequence[str]:
    """The addresses that the name localhost has on this machine."""
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo("localhost", None)]
    except OSError:
        return []


def refuse_elsewhere(
    endpoints: Mapping[str, Endpoint], localhost: Addresses = of_localhost
) -> None:
    """Refuse whatever is not on this machine.

    Args:
        endpoints: by role.
        localhost: the addresses that the name has here; only asked if it is used.

    Raises:
        BadInput: it names the first role with an endpoint elsewhere, and its address.
    """
    for role, endpoint in endpoints.items():
        where, variable = f"the model server of {role}", f"CLINALIGN_{role.upper()}_BASE_URL"
        way_out = f"{_EXPECTED}; set {variable}, or take --local-only away"
        if not is_here(endpoint.base_url):
            raise BadInput(where, way_out, shown_address(endpoint.base_url))
        if urlsplit(endpoint.base_url).hostname == "localhost" and not _loopback(localhost()):
            raise BadInput(where, f"{way_out}: localhost is another machine's name here")
        if runs_elsewhere(endpoint.model):
            expected = "one that runs on this machine, as --local-only wants"
            raise BadInput(f"the model of {role}", expected, endpoint.model)


def shown_address(base_url: str) -> str:
    """The address without a name and a password in it."""
    try:
        parts = urlsplit(base_url)
    except ValueError:  # half a bracket
        return base_url.rpartition("@")[2]
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _loopback(addresses: Sequence[str]) -> bool:
    return bool(addresses) and all(ip_address(one).is_loopback for one in addresses)
