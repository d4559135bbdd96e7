"""Policies of everybody on whole trails: they allow all that was done, and nothing of a service that was not used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from cloudsearch.actions.arns import as_named, has_wildcard
from cloudsearch.cli import main
from cloudsearch.iam import Document, Policy, State
from cloudsearch.iam.focus import acts_on
from cloudsearch.policies.examined import Examined
from cloudsearch.policies.generate import Wishes, generate
from cloudsearch.policies.history import Used, history
from cloudsearch.policies.replay import Answer, replay
from cloudsearch.policies.subjects import Subject
from cloudsearch.policies.usage import usage
from cloudsearch.reports.principals import account_of
from cloudsearch.reports.window import Window
from cloudsearch.store import Store
from cloudsearch.stores.duckdb import DuckDBStore
from tests.golden_files import golden
from tests.samples import samples
from tests.uses import state

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def example_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example trail, loaded."""
    path = tmp_path_factory.mktemp("example") / "store.duckdb"
    assert main(["load", str(EXAMPLES / "AWSLogs"), "--store", str(path), "--quiet"]) == 0
    return path


def test_the_example(example_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The policy of deploy, and what is said beside it."""
    capsys.readouterr()
    arguments = ["--role", "deploy", "--account", "111122223333", "--iam", str(EXAMPLES / "iam")]
    assert main(["generate", *arguments, "--store", str(example_file)]) == 0
    out, err = capsys.readouterr()
    golden("generate-example.json", out.splitlines())
    golden("generate-example.txt", err.splitlines())


def check_everybody(store: Store, *, conditions: bool) -> int:
    """Every principal's policy grants each of its uses, and names no service that it did not use; how many uses."""
    events = list(history(store, Window(), None))
    checked = set()
    for arn, own in usage(events, lambda used: used.principal or None).items():
        found = generate(own, Wishes(conditions=conditions))
        uses = {(one.action, one.arns) for used in events if used.principal == arn for one in used.uses}
        services = {action.partition(":")[0] for action, _ in uses}
        named = {
            name.partition(":")[0]
            for policy in found.policies
            for one in policy.statements
            for name in one.actions.texts
        }
        assert named == services
        _replays_clean(arn, found.policies, [used for used in events if used.principal == arn])
        for action, arns in uses:
            for resource in arns or (None,):
                if (arn, action, resource) not in checked:
                    checked.add((arn, action, resource))
                    assert _allows(found.policies, action, resource), (arn, action, resource)
    return len(checked)


def _replays_clean(arn: str, policies: Sequence[Document], calls: Sequence[Used]) -> None:
    """Nothing would have been refused, nor can it not be told but of calls whose action nobody knows."""
    named = tuple(Policy(f"p{number}", None, one, "inline") for number, one in enumerate(policies))
    subject = Subject("role", "r", account_of(arn), (arn,))
    found = replay(calls, Examined(subject).judge(named))
    assert found.events[Answer.BROKEN] == 0
    assert all("no IAM action is known" in row.reason for row in found.rows), found.rows


def _allows(policies: Sequence[Document], action: str, resource: str | None) -> bool:
    """Whether the evaluator says so; of what it takes for no resource of the action, whether a statement names it."""
    if resource is None or has_wildcard(resource):
        return state(policies, action, None) is not State.NOT_GRANTED
    if not acts_on(action, as_named(resource)):
        return _is_named(policies, action, resource)
    return state(policies, action, as_named(resource)) is not State.NOT_GRANTED


def _is_named(policies: Sequence[Document], action: str, resource: str) -> bool:
    """Whether a statement names both, or what the resource surely lies in."""
    return any(
        one.resources is not None and (resource in one.resources.texts or any(map(has_wildcard, one.resources.texts)))
        for policy in policies
        for one in policy.statements
        if action in one.actions.texts
    )


with_conditions = pytest.mark.parametrize("conditions", [False, True])


@with_conditions
def test_everybody_of_the_example(example_file: Path, conditions: bool) -> None:  # noqa: FBT001
    """All that anybody did on the example trail is allowed to them by what is generated."""
    store = DuckDBStore(example_file)
    store.prepare()
    try:
        assert check_everybody(store, conditions=conditions) > 50
    finally:
        store.close()


@with_conditions
def test_everybody_of_a_public_trail(tmp_path: Path, conditions: bool) -> None:  # noqa: FBT001
    """And on the trail of a training ground for attackers."""
    path = tmp_path / "store.duckdb"
    assert main(["load", str(samples() / "combined" / "flaws"), "--store", str(path), "--quiet"]) == 0
    store = DuckDBStore(path)
    store.prepare()
    try:
        assert check_everybody(store, conditions=conditions) > 50
    finally:
        store.close()
