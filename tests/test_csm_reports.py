"""What monitoring adds to the reports: the join with CloudTrail, whose calls they were, what counts as used."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from tests.backends import Backend
from tests.csm import BEGIN, MINUTE, SECOND, USED_KEY, attempt, both, call, write_archive
from tests.logfiles import ACCOUNT, record, write
from tests.scenario import ROLE, Scenario, account, background, role, statement


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """Nothing loaded."""
    return Scenario(tmp_path, capsys)


def at(milliseconds: int) -> str:
    """That long after midnight, as CloudTrail writes it."""
    moment = datetime.fromtimestamp((BEGIN + milliseconds) // 1000, UTC)
    return moment.isoformat().replace("+00:00", "Z")


def event(number: int, milliseconds: int, **fields: object) -> dict[str, object]:
    """A call of the role ``worker`` in the log, with the key of ``USED_KEY``."""
    fields = {"requestID": f"id-{milliseconds}", "eventTime": at(milliseconds)} | fields
    return record(7 * number + 3, **fields)


def day() -> tuple[list[dict[str, Any]], list[dict[str, object]]]:
    """A day of known overlap: what SDKs sent, and what CloudTrail logged."""
    sent, logged = list[dict[str, Any]](), list[dict[str, object]]()
    ec2 = {"Service": "EC2", "Api": "DescribeInstances"}
    for number in range(40):  # by request id, clocks two minutes apart
        sent += both(number * MINUTE, **ec2)
        logged.append(event(number, number * MINUTE, eventTime=at(number * MINUTE + 2 * MINUTE)))
    for number in range(100, 110):  # without one in what was sent, the clock two minutes behind or ahead
        sent += both(number * 10 * MINUTE, XAmznRequestId=None, **ec2)
        skew = (-1) ** number * 2 * MINUTE
        logged.append(event(number, number * 10 * MINUTE, eventTime=at(number * 10 * MINUTE + skew)))
    for number in range(120, 127):  # data events, which the trail has not
        sent += both(number * 10 * MINUTE + SECOND, Service="S3", Api="GetObject")
    for number in range(120, 125):  # others at the very time of those: another service, another id
        logged.append(event(number, number * 10 * MINUTE, requestID=f"other-{number}"))
    sent += both(1300 * MINUTE, HttpStatusCode=None, XAmznRequestId=None, SdkException="ConnectTimeoutError", **ec2)
    sent[-1].pop("FinalHttpStatusCode", None)
    return sent, logged


def compared(scenario: Scenario, *arguments: str) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Calls by part, and the rows."""
    code, out, err = scenario.run("compare", "--format", "json", *arguments)
    assert code == 0, err
    rows = json.loads(out)
    totals: Counter[str] = Counter()
    for row in rows:
        totals[row["part"]] += row["count"]
    return dict(totals), rows


def test_a_day_of_known_overlap(every_backend: Sequence[Backend], tmp_path: Path, capsys: Any) -> None:  # noqa: ANN401
    """Exactly so many of each, two minutes of skew and missing request ids included; from every store."""
    sent, logged = day()
    archive = write_archive(tmp_path / "a.jsonl", *sent)
    log = write(tmp_path / "log.json.gz", logged)
    for backend in every_backend:
        assert main(["load", str(log), "--quiet", *backend.place.options]) == 0
        assert main(["load", "--csm", str(archive), "--quiet", *backend.place.options]) == 0
        capsys.readouterr()
        assert main(["compare", "--format", "json", *backend.place.options]) == 0
        rows = json.loads(capsys.readouterr().out)
        found = {(row["part"], row["call"]): row["count"] for row in rows}
        assert found == {
            ("logged", "DescribeInstances"): 50,
            ("not logged", "GetObject"): 7,
            ("never answered", "DescribeInstances"): 1,
            ("only in CloudTrail", "DescribeInstances"): 5,
        }
        assert {row["principal"] for row in rows} == {ROLE}
        assert "data event" in next(row["reason"] for row in rows if row["part"] == "not logged")


def test_two_different_ids_are_two_calls(scenario: Scenario) -> None:
    """However alike they are: another host may use the same key."""
    scenario.log(event(1, MINUTE, requestID="another"))
    write_archive(scenario.folder / "a.jsonl", *both(MINUTE, Service="EC2", Api="DescribeInstances"))
    scenario.run("load", "--csm", str(scenario.folder / "a.jsonl"))
    assert compared(scenario)[0] == {"not logged": 1, "only in CloudTrail": 1}


def test_further_apart_than_clocks_may_be(scenario: Scenario) -> None:
    """Without an id, two minutes and a second are too much."""
    scenario.log(event(1, MINUTE, requestID=None, eventTime=at(3 * MINUTE + SECOND)))
    write_archive(scenario.folder / "a.jsonl", *both(MINUTE, Service="EC2", Api="DescribeInstances"))
    scenario.run("load", "--csm", str(scenario.folder / "a.jsonl"))
    assert compared(scenario)[0] == {"not logged": 1, "only in CloudTrail": 1}


def test_what_the_log_could_not_have_shown_is_not_called_unlogged(scenario: Scenario) -> None:
    """No log of that day, none of that account, no attempt received, not signed: it cannot be known."""
    ec2 = {"Service": "EC2", "Api": "DescribeInstances"}
    day_later = 24 * 60 * MINUTE
    scenario.log(event(1, MINUTE))
    said = [
        *both(day_later, **ec2),
        *both(2 * MINUTE, AccessKey="ASIAQNZGKIQY56JQ7WML", **ec2),
        *both(3 * MINUTE, AccessKey="ASIA0000000000000000", **ec2),
        *both(4 * MINUTE, AccessKey=None, **ec2),
        call(5 * MINUTE, **ec2),
    ]
    write_archive(scenario.folder / "a.jsonl", *said)
    scenario.run("load", "--csm", str(scenario.folder / "a.jsonl"))
    totals, rows = compared(scenario)
    assert totals == {"cannot be known": 5, "only in CloudTrail": 1}
    assert {row["reason"] for row in rows if row["part"] == "cannot be known"} == {
        f"no log of account {ACCOUNT} is loaded for 2026-08-02",
        "no log of account 029608264753 is loaded for 2026-08-01",
        "neither its key nor a log tells its account",
        "it was not signed",
        "no attempt of it was received",
    }


def test_a_call_whose_second_attempt_was_logged_is_logged(scenario: Scenario) -> None:
    """A call counts once, whatever its attempts."""
    scenario.log(event(1, 200))
    said = [
        attempt(10, Service="EC2", Api="DescribeInstances", HttpStatusCode=503, AccessKey=USED_KEY, XAmzRequestId="x"),
        attempt(200, Service="EC2", Api="DescribeInstances", AccessKey=USED_KEY, XAmzRequestId="id-200"),
        call(0, Service="EC2", Api="DescribeInstances", AttemptCount=2, Latency=400),
    ]
    write_archive(scenario.folder / "a.jsonl", *said)
    scenario.run("load", "--csm", str(scenario.folder / "a.jsonl"))
    assert compared(scenario)[0] == {"logged": 1}


def test_no_record_at_all(scenario: Scenario) -> None:
    """It says what to do."""
    scenario.log(event(1, MINUTE))
    code, out, _ = scenario.run("compare")
    assert (code, "cloudsearch record" in out) == (0, True)


def test_the_table_of_a_comparison(scenario: Scenario) -> None:
    """The parts in words, what they rest on below."""
    sent, logged = day()
    scenario.log(*logged)
    write_archive(scenario.folder / "a.jsonl", *sent)
    scenario.run("load", "--csm", str(scenario.folder / "a.jsonl"))
    _, out, _ = scenario.run("compare")
    assert "Not logged: SDKs made these calls, and CloudTrail has no event of them (7)" in out
    assert "logged: 50; not logged: 7; cannot be known: 0; never answered: 1; only in CloudTrail: 5" in out


# The report


def worker(*actions: str) -> dict[str, object]:
    """An account with the role ``worker``."""
    return account(role(statement(*actions)))


def monitored(scenario: Scenario, *said: dict[str, Any]) -> None:
    """Two months of log, with one call of the key, and what monitoring tells."""
    scenario.log(*background(), event(1, MINUTE))
    write_archive(scenario.folder / "a.jsonl", *said)
    assert scenario.run("load", "--csm", str(scenario.folder / "a.jsonl"))[0] == 0


def test_what_only_monitoring_saw_is_used(scenario: Scenario) -> None:
    """A data action and a management action; without the flag nothing changes."""
    get = both(5 * MINUTE, Service="S3", Api="GetObject")
    vpcs = both(6 * MINUTE, Service="EC2", Api="DescribeVpcs", host="web-1")
    monitored(scenario, *get, *vpcs)
    details = worker("s3:GetObject", "s3:PutObject", "ec2:DescribeVpcs", "ec2:DescribeInstances", "ec2:StopInstances")
    before = scenario.report(details)
    after = scenario.report(details, "--with-csm")
    assert {name: row["marker"] for name, row in before.items()} == {
        "s3:GetObject": "?",
        "s3:PutObject": "?",
        "ec2:DescribeVpcs": "-",
        "ec2:DescribeInstances": " ",
        "ec2:StopInstances": "-",
    }
    assert {name: row["marker"] for name, row in after.items()} == {
        "s3:GetObject": " ",
        "s3:PutObject": "?",  # never "-": what monitoring lacks shows nothing
        "ec2:DescribeVpcs": " ",
        "ec2:DescribeInstances": " ",
        "ec2:StopInstances": "-",
    }
    assert after["s3:GetObject"] == before["s3:GetObject"] | {
        "marker": " ",
        "used": True,
        "calls": 1,
        "first_used": "2026-08-01T00:05:00.001Z",
        "last_used": "2026-08-01T00:05:00.001Z",
        "reason": "used (source: csm)",
    }
    assert after["ec2:DescribeInstances"] == before["ec2:DescribeInstances"]


def test_a_call_that_was_logged_counts_once(scenario: Scenario) -> None:
    """The log's own count stands."""
    monitored(scenario, *both(MINUTE, Service="EC2", Api="DescribeInstances"))
    assert scenario.report(worker("ec2:DescribeInstances"), "--with-csm")["ec2:DescribeInstances"]["calls"] == 1


def test_what_nothing_answered_is_no_use(scenario: Scenario) -> None:
    """A timeout is none, an error of the service that looked is one, a throttled attempt is not."""
    lost = both(MINUTE, Service="S3", Api="GetObject", HttpStatusCode=None, SdkException="ReadTimeoutError")
    busy = both(2 * MINUTE, Service="S3", Api="PutObject", HttpStatusCode=503, AwsException="SlowDown")
    looked = both(
        3 * MINUTE, Service="S3", Api="GetBucketPolicy", HttpStatusCode=404, AwsException="NoSuchBucketPolicy"
    )
    monitored(scenario, *lost, *busy, *looked)
    rows = scenario.report(worker("s3:GetObject", "s3:PutObject", "s3:GetBucketPolicy"), "--with-csm")
    assert [rows[f"s3:{name}"]["marker"] for name in ("GetObject", "PutObject", "GetBucketPolicy")] == ["?", "?", " "]
    assert rows["s3:GetBucketPolicy"]["reason"] == "used (source: csm); never succeeded (NoSuchBucketPolicy x 1)"


def test_a_refusal_names_the_action(scenario: Scenario) -> None:
    """What a message names was tried, and may be needed: no longer unused."""
    message = "User: x is not authorized to perform: ec2:StopInstances on resource: y"
    said = both(
        MINUTE,
        Service="EC2",
        Api="StopInstances",
        HttpStatusCode=403,
        AwsException="UnauthorizedOperation",
        AwsExceptionMessage=message,
    )
    monitored(scenario, *said)
    row = scenario.report(worker("ec2:StopInstances"), "--with-csm")["ec2:StopInstances"]
    assert (row["marker"], row["denied"], row["used"]) == ("?", 1, False)
    assert "source: csm" in row["reason"]


def test_used_and_not_granted_is_shown(scenario: Scenario) -> None:
    """``+`` for what only monitoring saw."""
    monitored(scenario, *both(MINUTE, Service="S3", Api="GetObject"))
    row = scenario.report(worker("ec2:DescribeVpcs"), "--with-csm")["s3:GetObject"]
    assert (row["marker"], row["calls"]) == ("+", 1)
    assert row["reason"].startswith("used (source: csm); ")


def test_a_call_whose_action_nobody_can_name(scenario: Scenario) -> None:
    """Is listed, and never guessed."""
    monitored(scenario, *both(MINUTE, Service="S3", Api="NoSuchCall"))
    row = scenario.report(worker("ec2:DescribeVpcs"), "--with-csm")["s3.amazonaws.com:NoSuchCall"]
    assert (row["marker"], row["calls"]) == ("?", 1)
    assert row["reason"] == "no IAM action is known for this call (source: csm)"


def test_a_session_whose_calls_no_log_has_is_known_by_what_opened_it(scenario: Scenario) -> None:
    """AssumeRole names the key it issued; a key that nobody knows is counted and nobody's."""
    issued = {
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRole",
        "requestParameters": {"roleArn": ROLE, "roleSessionName": "s"},
        "responseElements": {"credentials": {"accessKeyId": "ASIAISSUED"}},
        "userIdentity": {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"},
    }
    scenario.log(record(5, eventTime=at(0), **issued))
    monitored(
        scenario,
        *both(MINUTE, Service="S3", Api="GetObject", AccessKey="ASIAISSUED"),
        *both(MINUTE, Service="S3", Api="PutObject", AccessKey="ASIANOBODYS"),
    )
    rows = scenario.report(worker("s3:GetObject", "s3:PutObject"), "--with-csm")
    assert [rows[f"s3:{name}"]["marker"] for name in ("GetObject", "PutObject")] == [" ", "?"]
    _, out, _ = scenario.run("report", "--role", "worker", "--iam", str(scenario.folder / "iam.json"), "--with-csm")
    assert "2 answered attempts of SDK calls, 1 of them of principals that no log names" in out
    assert "host (none is named): 2026-08-01T00:01:00Z to 2026-08-01T00:01:00.001Z, 4 records" in out


def test_everybodys_report_says_which_hosts_it_covers(scenario: Scenario) -> None:
    """Once, above all of them."""
    monitored(scenario, *both(MINUTE, Service="S3", Api="GetObject", host="web-1"))
    path = scenario.iam(worker("s3:GetObject"))
    code, out, _ = scenario.run("report", "--all", "--iam", path, "--with-csm")
    assert code == 0
    assert out.count("1 answered attempts of SDK calls; what it lacks shows nothing") == 1
    assert out.count("host web-1: ") == 1


def test_archives_do_not_change_what_logs_are_known_to_cover(scenario: Scenario) -> None:
    """A report says the same before and after an archive was loaded, without the flag."""
    scenario.log(*background())
    details = worker("ec2:DescribeVpcs", "s3:GetObject")
    before = scenario.report(details)
    write_archive(scenario.folder / "a.jsonl", *both(MINUTE))
    scenario.run("load", "--csm", str(scenario.folder / "a.jsonl"))
    assert scenario.report(details) == before


@pytest.mark.parametrize("flags", [["--dest-role", "x"], ["--through"]])
def test_with_csm_is_for_ones_own_calls(scenario: Scenario, flags: list[str]) -> None:
    """What one did as another role is CloudTrail's to tell."""
    path = scenario.iam(worker())
    assert scenario.run("report", "--role", "worker", "--iam", path, "--with-csm", *flags)[0] == 2
