"""The checks as nox sessions; ``scripts/test`` runs the same commands in one environment."""

from __future__ import annotations

import nox

nox.options.sessions = ["lint", "tests"]
PYTHONS = ["3.11", "3.12", "3.13"]


def installed(session: nox.Session, *what: str) -> None:
    """Install with the versions that CI uses."""
    session.install("--constraint", "constraints.txt", *what)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types, and the direction of imports."""
    installed(session, "-e", ".[test]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests over the embedded store."""
    installed(session, "setuptools", "wheel", "-e", ".[test]")
    session.run("pytest", *session.posargs, env={"CLOUDSEARCH_TEST_STORES": "duckdb"})


@nox.session
def elasticsearch(session: nox.Session) -> None:
    """The tests over every store, with a real Elasticsearch."""
    installed(session, "setuptools", "wheel", "-e", ".[test]")
    session.run("pytest", *session.posargs, env={"CLOUDSEARCH_TEST_STORES": "duckdb,elasticsearch"})


@nox.session
def elasticsearch9(session: nox.Session) -> None:
    """What every version of an engine has to be tried on, with a real Elasticsearch 9."""
    installed(session, "setuptools", "wheel", "-e", ".[test]")
    stores = {"CLOUDSEARCH_TEST_STORES": "duckdb,elasticsearch9"}
    session.run("pytest", "-m", "engine", *session.posargs, env=stores)


@nox.session
def opensearch(session: nox.Session) -> None:
    """The tests over the embedded store and a real OpenSearch, of what is OpenSearch's alone too."""
    installed(session, "setuptools", "wheel", "-e", ".[test]")
    session.run("pytest", *session.posargs, env={"CLOUDSEARCH_TEST_STORES": "duckdb,opensearch"})


@nox.session
def opensearch3(session: nox.Session) -> None:
    """What every version of an engine has to be tried on, with a real OpenSearch 3."""
    installed(session, "setuptools", "wheel", "-e", ".[test]")
    stores = {"CLOUDSEARCH_TEST_STORES": "duckdb,opensearch3"}
    session.run("pytest", "-m", "engine", *session.posargs, env=stores)


@nox.session
def package(session: nox.Session) -> None:
    """What is shipped, built and installed."""
    installed(session, "setuptools", "wheel", "-e", ".[test]")
    session.run("pytest", "tests/test_shipping.py", *session.posargs)
