"""Why a process would send nothing: its variables, the configuration it would read, its SDK, who listens.

What is looked for where: https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html for the files, and the
client-side monitoring of each SDK for the settings (``csm_enabled`` of a profile; ``AWS_CSM_...`` go before it).
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cloudsearch.csm.processes import Process
from cloudsearch.csm.sockets import PORT

SILENT = frozenset(
    {"AWS SDK for Go v2", "AWS SDK for JavaScript v3", "AWS SDK for Java v2", "AWS SDK for Rust", "AWS SDK for Kotlin"}
)
"""SDKs without client-side monitoring."""

_TRUE = frozenset({"true", "1", "yes", "on"})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class State(StrEnum):
    """What a finding means for the sending."""

    GOOD = "good"
    BAD = "bad"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    state: State
    what: str


@dataclass(frozen=True, slots=True)
class Setting:
    """Whether a process would send, and where to; ``findings`` say how that is known."""

    is_on: bool
    host: str
    port: int
    findings: tuple[Finding, ...]


def setting(process: Process) -> Setting:
    """What the process's variables and its configuration come to."""
    environment = process.environment
    profile, values, found = _configured(process)
    findings = list(found)
    own = environment.get("AWS_CSM_ENABLED")
    if own is not None:
        is_on = own.strip().lower() in _TRUE
        findings.insert(0, Finding(State.GOOD if is_on else State.BAD, f"AWS_CSM_ENABLED={own}"))
    else:
        is_on = values.get("csm_enabled", "").strip().lower() in _TRUE
        said = f"csm_enabled = {values['csm_enabled']}" if "csm_enabled" in values else "no csm_enabled"
        findings.append(
            Finding(State.GOOD if is_on else State.BAD, f"AWS_CSM_ENABLED is not set; {profile} has {said}")
        )
    port, odd = _port(environment.get("AWS_CSM_PORT") or values.get("csm_port"))
    host = environment.get("AWS_CSM_HOST") or values.get("csm_host") or "127.0.0.1"
    if odd:
        findings.append(Finding(State.BAD, f"the port {odd!r} is no number"))
    findings.append(Finding(State.GOOD, f"it would send to {host} port {port}"))
    if host not in _LOOPBACK:
        findings.append(Finding(State.UNSURE, f"{host} is not this host's loopback: record --listen has to be there"))
    return Setting(is_on and not odd, host, port, tuple(findings))


def sdk_findings(process: Process) -> Iterator[Finding]:
    """What can be told of the SDK."""
    names = process.sdks()
    if not names:
        yield Finding(State.UNSURE, "which SDK it uses cannot be told from outside")
    for name in names:
        silent = name in SILENT
        yield Finding(State.BAD if silent else State.GOOD, f"{name}: {'has no' if silent else 'has'} monitoring")


def network_findings(process: Process, to: Setting) -> Iterator[Finding]:
    """Whether what it sends can arrive here."""
    if process.is_in_another_network:
        yield Finding(
            State.BAD, "it has a network of its own (a container): its loopback is not this one's. Record in there"
        )
        return
    if is_listened_on(to.port):
        yield Finding(State.GOOD, f"a process listens on UDP port {to.port}")


def is_listened_on(port: int) -> bool:
    """Whether a socket of this network is bound to the UDP port."""
    for name in ("udp", "udp6"):
        try:
            rows = Path(f"/proc/self/net/{name}").read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        if any(int(row.split()[1].rpartition(":")[2], 16) == port for row in rows):
            return True
    return False


def _configured(process: Process) -> tuple[str, Mapping[str, str], list[Finding]]:
    """The profile's name, its values in the file the process would read, and what was found on the way."""
    environment = process.environment
    name = environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE") or "default"
    path, findings = environment.get("AWS_CONFIG_FILE"), []
    if path is None:
        home = environment.get("HOME")
        if not home:
            findings.append(
                Finding(State.UNSURE, "HOME is not set: most SDKs then find no ~/.aws/config. Set variables")
            )
            return f"profile {name}", {}, findings
        path = f"{home}/.aws/config"
    elif path.startswith("~"):
        path = path.replace("~", environment.get("HOME", "~"), 1)
    text = process.text(path)
    if text is None:
        findings.append(Finding(State.UNSURE, f"{path} is not there, or cannot be read"))
        return f"profile {name}", {}, findings
    sections = _sections(text)
    if sections is None:
        findings.append(Finding(State.BAD, f"{path} is no configuration that an SDK can read"))
        return f"profile {name}", {}, findings
    wanted = name if name == "default" else f"profile {name}"
    values = sections.get(wanted) or sections.get(f"profile {name}") or {}
    if not values:
        findings.append(Finding(State.UNSURE, f"{path} has no profile {name}"))
    if other := sections.get("profile aws_csm") or sections.get("aws_csm"):
        told = ", ".join(f"{key} = {value}" for key, value in other.items() if key.startswith("csm_"))
        findings.append(
            Finding(State.UNSURE, f"{path} has a profile aws_csm ({told}), which Go v1 and Java v1 alone read")
        )
    return f"profile {name} in {path}", values, findings


def _sections(text: str) -> dict[str, dict[str, str]] | None:
    parser = configparser.RawConfigParser(default_section="\0", strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    return {name: dict(parser.items(name)) for name in parser.sections()}


def _port(text: str | None) -> tuple[int, str | None]:
    """The port, and the text if it is none."""
    if not text:
        return PORT, None
    if text.strip().isdecimal() and 0 < int(text) < 65536:
        return int(text), None
    return PORT, text
