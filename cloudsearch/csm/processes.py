"""A running process, as Linux shows it: its environment, what it runs, which files it would find.

``/proc/PID/environ`` is what it was started with; what it set for itself since, nobody sees.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cloudsearch.errors import AccessError, CloudsearchError

_PROC = Path("/proc")
_LARGEST_FILE = 1 << 20
_MODULES = 256 << 20
_GO_MODULES = {
    b"github.com/aws/aws-sdk-go-v2": "AWS SDK for Go v2",
    b"github.com/aws/aws-sdk-go/": "AWS SDK for Go v1",
}


@dataclass(frozen=True)
class Process:
    """A process by its id; None is one that would be started here."""

    pid: int | None

    @cached_property
    def environment(self) -> dict[str, str]:
        """Its variables; ``CloudsearchError`` where there is no such process, ``AccessError`` where they are hidden."""
        if self.pid is None:
            return dict(os.environ)
        try:
            data = (self._folder / "environ").read_bytes()
        except FileNotFoundError as error:
            raise CloudsearchError(f"There is no process {self.pid} on this machine") from error
        except PermissionError as error:
            raise AccessError(
                f"The environment of process {self.pid} may not be read: ask as its user, or as root"
            ) from error
        except OSError as error:
            raise CloudsearchError(f"Process {self.pid} cannot be looked at: {error.strerror}") from error
        pairs = (part.partition("=") for part in data.decode(errors="replace").split("\0") if "=" in part)
        return {name: value for name, _, value in pairs}

    @cached_property
    def command(self) -> list[str]:
        """Its command line."""
        data = self._read("cmdline")
        return data.decode(errors="replace").rstrip("\0").split("\0") if data else []

    @property
    def is_in_another_network(self) -> bool:
        """Whether its loopback is not this one's: containers have their own."""
        if self.pid is None:
            return False
        return self._link("ns/net") != _link(_PROC / "self" / "ns" / "net")

    def text(self, path: str) -> str | None:
        """A file as the process would find it, in its own root and from its own folder; None where it finds none."""
        try:
            with self.place(path).open("rb") as file:
                return file.read(_LARGEST_FILE).decode("utf-8", "replace")
        except (OSError, ValueError):
            return None

    def place(self, path: str) -> Path:
        """Where the process's path is, seen from here."""
        if self.pid is None:
            return Path(path)
        start = "/" if path.startswith("/") else f"{self._link('cwd')}/"
        return Path(f"{self._folder}/root{start}{path.lstrip('/')}")

    def sdks(self) -> list[str]:
        """Names of SDKs that can be told from outside, those that do not send among them."""
        program = Path(self._link("exe") or (self.command[0] if self.command else "")).name.lower()
        found = _of_node(self) if program.startswith(("node", "bun", "deno")) else []
        if program.startswith("java"):
            found += _of_java(self)
        if re.match(r"python|pypy", program):
            found += ["botocore (boto3, AWS CLI)"] if any(_site_packages(self)) else []
        if program.startswith("ruby"):
            found.append("AWS SDK for Ruby")
        return found or self._of_go()

    def _of_go(self) -> list[str]:
        """What a program of Go was built from, which stands in it."""
        if self.pid is None:
            return []
        try:
            with (self._folder / "exe").open("rb") as file:
                data = file.read(_MODULES)
        except OSError:
            return []
        return [name for module, name in _GO_MODULES.items() if module in data] if b"Go buildinf:" in data else []

    @property
    def maps(self) -> str:
        """The files it has mapped, and those it holds open."""
        opened = []
        if self.pid is not None:
            try:
                opened = [_link(one) or "" for one in (self._folder / "fd").iterdir()]
            except OSError:
                opened = []
        return "\n".join([self._read("maps").decode(errors="replace"), *opened, *self.command])

    @property
    def _folder(self) -> Path:
        return _PROC / str(self.pid)

    def _read(self, name: str) -> bytes:
        if self.pid is None:
            return b""
        try:
            return (self._folder / name).read_bytes()
        except OSError:
            return b""

    def _link(self, name: str) -> str | None:
        return None if self.pid is None else _link(self._folder / name)

    @property
    def program(self) -> str | None:
        """The path of what it runs."""
        return self._link("exe")


def _link(path: Path) -> str | None:
    try:
        return str(path.readlink())
    except OSError:
        return None


def _of_node(process: Process) -> list[str]:
    """What lies in the modules' folders of the program's folder and those above it."""
    script = next((part for part in process.command[1:] if not part.startswith("-")), "")
    places = {process.place(script).parent, process.place(".")} if process.pid is not None else set()
    modules = [above / "node_modules" for place in places for above in (place, *place.parents)]
    found = ["AWS SDK for JavaScript v2"] if any((one / "aws-sdk").is_dir() for one in modules) else []
    return found + (["AWS SDK for JavaScript v3"] if any(any(one.glob("@aws-sdk/client-*")) for one in modules) else [])


def _of_java(process: Process) -> list[str]:
    jars = process.maps
    found = ["AWS SDK for Java v1"] if re.search(r"aws-java-sdk-core-1", jars) else []
    return found + (["AWS SDK for Java v2"] if re.search(r"(?:software/amazon/awssdk|sdk-core-2\.)", jars) else [])


def _site_packages(process: Process) -> list[Path]:
    program = process.program
    if program is None:
        return []
    roots = {str(Path(program).parent.parent), process.environment.get("VIRTUAL_ENV", ""), "/usr", "/usr/local"}
    roots |= {str(Path(part).parent.parent) for part in process.command[:2] if part.startswith("/")}
    patterns = ("lib/python3*/site-packages/botocore", "lib/python3*/dist-packages/botocore")
    return [path for root in sorted(filter(None, roots)) for one in patterns for path in process.place(root).glob(one)]
