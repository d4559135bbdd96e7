"""Files and folders of what AWS answered: encodings, what is broken, credential reports, and when they were true."""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from cloudsearch.errors import SourceError
from cloudsearch.iam import LastUse, as_of, load_iam, parse
from tests.test_iam_details import ALLOW, ARN, user

CREDENTIALS = (
    "user,arn,user_creation_time,password_last_used,access_key_1_last_used_date,access_key_2_last_used_date\n"
    f"<root_account>,{ARN}:root,2020-01-01T00:00:00+00:00,2025-06-01T00:00:00+00:00,N/A,N/A\n"
    f"alice,{ARN}:user/alice,2024-05-06T07:08:09+00:00,2025-01-02T03:04:05+00:00,2025-03-04T05:06:07+00:00,N/A\n"
    f"bob,{ARN}:user/bob,2024-05-06T07:08:09+00:00,no_information,2023-01-01T00:00:00+00:00,not_supported\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_files_of_windows_shells_are_read(tmp_path: Path, encoding: str) -> None:
    """PowerShell's > writes UTF-16."""
    path = tmp_path / "iam.json"
    path.write_text(json.dumps({"UserDetailList": [user("alice")]}), encoding)
    assert len(load_iam([path]).principals) == 1


PAGE = f"""<?xml version="1.0"?>
<GetAccountAuthorizationDetailsResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
 <GetAccountAuthorizationDetailsResult>
  <IsTruncated>false</IsTruncated>
  <UserDetailList><member>
   <Path>/</Path><UserName>true</UserName><UserId>AIDA1</UserId><Arn>{ARN}:user/true</Arn><GroupList/>
   <CreateDate>2024-05-06T07:08:09Z</CreateDate>
   <UserPolicyList><member><PolicyName>own</PolicyName><PolicyDocument>{quote(json.dumps(ALLOW))}</PolicyDocument>
   </member></UserPolicyList>
   <AttachedManagedPolicies><member><PolicyName>p</PolicyName><PolicyArn>{ARN}:policy/p</PolicyArn></member>
   </AttachedManagedPolicies>
  </member></UserDetailList>
  <GroupDetailList/>
  <Policies><member><PolicyName>p</PolicyName><Arn>{ARN}:policy/p</Arn><PolicyVersionList>
   <member><VersionId>v1</VersionId><IsDefaultVersion>false</IsDefaultVersion><Document>%7B%7D</Document></member>
   <member><VersionId>v2</VersionId><IsDefaultVersion>true</IsDefaultVersion>
    <Document>{quote(json.dumps(ALLOW))}</Document></member>
  </PolicyVersionList></member></Policies>
 </GetAccountAuthorizationDetailsResult>
 <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</GetAccountAuthorizationDetailsResponse>
"""


def test_a_page_as_it_came_over_the_wire_is_read(tmp_path: Path) -> None:
    """IAM's API speaks XML, with URL-encoded documents."""
    path = tmp_path / "iam.xml"
    path.write_text(PAGE, "utf-8")
    for source in (path, tmp_path):
        (found,) = load_iam([source])
        assert (found.name, found.missing, found.groups) == ("true", (), ())
        assert [policy.document for policy in found.policies] == [parse(ALLOW, "")] * 2
    path.write_text(PAGE.replace("<IsTruncated>false", "<IsTruncated>true"), "utf-8")
    with pytest.raises(SourceError, match="goes on"):
        load_iam([path])
    path.write_text(PAGE[:-20], "utf-8")
    with pytest.raises(SourceError, match=r"iam\.xml: is not XML, or was cut off"):
        load_iam([path])


def test_a_file_that_was_cut_off_is_named(tmp_path: Path) -> None:
    """At any place but the end of a value."""
    path = tmp_path / "iam.json"
    whole = json.dumps({"UserDetailList": [user("alice")]}, indent=1)
    for length in range(1, len(whole), 7):
        path.write_text(whole[:length], "utf-8")
        with pytest.raises(SourceError, match=r"iam\.json: is not JSON, or was cut off"):
            load_iam([path])


def test_a_folder_is_read_whole(tmp_path: Path) -> None:
    """Files of several accounts in it and below; what is about something else is left aside, and said to be."""
    (tmp_path / "b").mkdir()
    files = {"a.json": [user("alice")], "b/c.json": [user("bob", "444455556666")], ".hidden.json": [user("eve")]}
    for name, users in files.items():
        (tmp_path / name).write_text(json.dumps({"UserDetailList": users}), "utf-8")
    (tmp_path / "scp.json").write_text(json.dumps(ALLOW), "utf-8")
    (tmp_path / "notes.txt").write_text("notes", "utf-8")
    iam = load_iam([tmp_path])
    assert [principal.name for principal in iam] == ["alice", "bob"]
    assert iam.notes == (f"{tmp_path / 'scp.json'}: holds no authorization details and is left aside",)
    (tmp_path / "cut.json").write_text("{", "utf-8")
    with pytest.raises(SourceError, match=r"cut\.json: is not JSON"):
        load_iam([tmp_path])


def test_files_that_tell_of_nobody_are_no_picture(tmp_path: Path) -> None:
    """A folder of other things, a credential report alone."""
    (tmp_path / "scp.json").write_text(json.dumps(ALLOW), "utf-8")
    (tmp_path / "report.csv").write_text(CREDENTIALS, "utf-8")
    for path in (tmp_path, tmp_path / "report.csv"):
        with pytest.raises(SourceError, match="None of the files holds authorization details"):
            load_iam([path])


@pytest.mark.parametrize("form", ["csv", "command", "text"])
def test_last_uses_are_taken_from_a_credential_report(tmp_path: Path, form: str) -> None:
    """As a CSV, or in the answer of AWS's command; a use before the user was made is an earlier user's."""
    path = tmp_path / ("report.csv" if form == "csv" else "report.json")
    content = base64.b64encode(CREDENTIALS.encode()).decode() if form == "command" else CREDENTIALS
    answer = json.dumps({"Content": content, "ReportFormat": "text/csv", "GeneratedTime": "2025-07-01T00:00:00Z"})
    path.write_text(CREDENTIALS if form == "csv" else answer, "utf-8")
    details = tmp_path / "iam.json"
    details.write_text(json.dumps({"UserDetailList": [user("alice"), user("bob"), user("carol")]}), "utf-8")
    alice, bob, carol = load_iam([path, details])
    assert [use.what for use in alice.credential_uses] == ["password", "access key 1"]
    assert alice.last_use == LastUse("access key 1", datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC))
    assert bob.last_use is carol.last_use is None


@pytest.mark.parametrize("content", ["user,arn,mfa_active\n", "!", base64.b64encode(b"\xff").decode()])
def test_a_credential_report_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    """Nobody's last use is passed over in silence."""
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"Content": content, "ReportFormat": "text/csv"}), "utf-8")
    with pytest.raises(SourceError, match=r"report\.json: the credential report"):
        load_iam([path])


def test_of_several_snapshots_of_an_account_the_newest_counts(tmp_path: Path) -> None:
    """In whatever order they are given; who is in the older alone exists no more. Other accounts' stay."""
    folders = []
    for name, date, users in (
        ("july", "2025-07-01T00:00:00+00:00", [user("alice")]),
        ("january", "2025-01-01T00:00:00+00:00", [user("alice"), user("bob")]),
        ("other", "2024-01-01T00:00:00+00:00", [user("carol", "444455556666")]),
    ):
        account = users[0]["Arn"].split(":")[4]
        folder = tmp_path / name / account
        folder.mkdir(parents=True)
        dated = {"taken_at": date, "account": account}
        (folder / "authorization-details.json").write_text(json.dumps(dated | {"UserDetailList": users}), "utf-8")
        (folder / "trails.json").write_text(json.dumps(dated | {"trails": []}), "utf-8")
        folders.append(tmp_path / name)
    for paths in (folders, folders[::-1], [tmp_path]):
        iam = load_iam(paths)
        assert sorted(principal.name for principal in iam) == ["alice", "carol"]
        (note,) = iam.notes
        assert "january" in note
        assert "an older snapshot of account 111122223333" in note
        assert as_of(paths, "111122223333") == datetime(2025, 7, 1, tzinfo=UTC)
        assert as_of(paths) == datetime(2024, 1, 1, tzinfo=UTC)
    (tmp_path / "july" / "111122223333" / "trails.json").unlink()
    assert as_of(folders, "111122223333") == datetime(2025, 1, 1, tzinfo=UTC)


def test_the_last_use_of_all_files_counts(tmp_path: Path) -> None:
    """An older file that is given last does not make anybody idle."""
    old, new = "2025-01-02T00:00:00+00:00", "2025-07-02T00:00:00+00:00"
    columns = "user,arn,password_last_used,access_key_1_last_used_date,access_key_2_last_used_date\n"
    alice = "arn:aws:iam::111122223333:user/alice"
    paths = []
    for name, date in (("new", new), ("old", old)):
        worker = {"RoleName": "r", "Arn": "arn:aws:iam::111122223333:role/r", "RoleLastUsed": {"LastUsedDate": date}}
        details, report = tmp_path / f"{name}.json", tmp_path / f"{name}.csv"
        details.write_text(json.dumps({"UserDetailList": [user("alice")], "RoleDetailList": [worker]}), "utf-8")
        report.write_text(f"{columns}alice,{alice},N/A,{date},N/A\n", "utf-8")
        paths += [details, report]
    moment = datetime(2025, 7, 2, tzinfo=UTC)
    assert {principal.last_use and principal.last_use.time for principal in load_iam(paths)} == {moment}


def test_files_put_together_with_their_marks_are_read(tmp_path: Path) -> None:
    """Windows' shells begin each file with a byte order mark; ``copy a+b`` keeps them."""
    path = tmp_path / "iam.json"
    pages = ["\ufeff" + json.dumps({"UserDetailList": [user(name)]}) for name in ("alice", "bob")]
    path.write_text("\r\n".join(pages), "utf-8")
    assert [principal.name for principal in load_iam([path])] == ["alice", "bob"]


def test_when_files_were_true_is_as_they_say(tmp_path: Path) -> None:
    """The oldest of a snapshot's, of the account asked for; without any word, the file's own time."""
    plain = tmp_path / "iam.json"
    plain.write_text(json.dumps({"UserDetailList": []}), "utf-8")
    os.utime(plain, (1_700_000_000, 1_700_000_000))
    folder = tmp_path / "snapshot"
    for account, date in (("1" * 12, "2025-03-01T00:00:00+00:00"), ("2" * 12, "2025-01-01T00:00:00+00:00")):
        (folder / account).mkdir(parents=True)
        dated = {"taken_at": date, "account": account, "UserDetailList": []}
        (folder / account / "authorization-details.json").write_text(json.dumps(dated), "utf-8")
    assert as_of([plain]) == datetime.fromtimestamp(1_700_000_000, UTC)
    assert as_of([folder]) == datetime(2025, 1, 1, tzinfo=UTC)
    assert as_of([folder], "1" * 12) == datetime(2025, 3, 1, tzinfo=UTC)
    assert as_of([folder], "3" * 12) is None
    assert as_of([]) is None
