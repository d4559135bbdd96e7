"""``actions --refresh``: AWS's Service Reference fetched over HTTP, kept, and used."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.catalogue import Catalogue, bundled
from cloudsearch.catalogue.cache import Cache, path
from cloudsearch.catalogue.model import ANY_ARN
from cloudsearch.catalogue.reference import page
from cloudsearch.render.refresh import Progress
from tests.reference_site import CASES, CERTIFICATE, MANY, OLDER, PAGES, Run, kept, running, send, serving


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Commands that fetch from a site of the cases and keep what they fetch in this test's folder."""
    with running(tmp_path, monkeypatch, capsys) as run:
        yield run


def test_a_refresh_is_used_by_the_next_command(run: Run) -> None:
    """A service that the bundled data do not know is known, and the version tells where from and when."""
    before = run.command("actions", "newservice:CreateThing", "--format", "json")
    assert json.loads(before.stdout)[0]["how"] == "unknown"
    code, out, err = run.refresh("--format", "json")
    receipt = json.loads(out)
    assert (code, err) == (0, "")
    assert {key: receipt[key] for key in ("source", "services", "actions", "operations", "left_out")} == {
        "source": run.site.url,
        "services": 3,
        "actions": 6,
        "operations": 3,
        "left_out": [],
    }
    (row,) = json.loads(run.command("actions", "newservice:CreateThing", "--format", "json").stdout)
    assert (row["action"], row["access_level"]) == ("newservice:CreateThing", "Write")
    absent = len(bundled.services()) - 2
    today = f"AWS Service Reference ({datetime.now(UTC):%Y-%m-%d}); {bundled.release()} for {absent} services"
    assert today in run.command("--version").stdout


def test_an_operation_s_own_page_says_which_action_it_needs(run: Run) -> None:
    """A fetched page is believed before the action of the same name; of several actions it does not say which."""
    page = json.loads(json.dumps(PAGES["newservice"]))
    (operation,) = page["Operations"]
    page["Operations"] = [
        operation,
        {"Name": "RenameThing", "AuthorizedActions": [{"Name": "CreateThing", "Service": "newservice"}]},
        {
            "Name": "DescribeThings",
            "AuthorizedActions": [{"Name": name, "Service": "newservice"} for name in ("CreateThing", "Other")],
        },
    ]
    run.site.serve({**PAGES, "newservice": page})
    assert run.refresh()[0] == 0
    calls = [f"newservice.amazonaws.com:{name}" for name in ("CreateThing", "RenameThing", "DescribeThings")]
    told = json.loads(run.command("actions", *calls, "--format", "json").stdout)
    found = [(row["call"], row["actions"], row["how"]) for row in told if row["call"]]
    assert found == [
        (calls[0], ["newservice:CreateThing"], "fact"),
        (calls[1], ["newservice:CreateThing"], "fact"),
        (calls[2], [], "unknown"),
    ]


def test_the_receipt_for_people(run: Run) -> None:
    """What was fetched, from where, and where it is; nothing on stderr where that is no terminal."""
    code, out, err = run.refresh()
    assert (code, err) == (0, "")
    first, source, place = out.splitlines()
    assert first == "3 services, 6 actions, 3 operations with their actions"
    assert source.startswith(f"fetched from {run.site.url} on ")
    assert place == f"kept in {run.file}, {run.file.stat().st_size:,} bytes"
    assert run.refresh("--format", "csv")[1].splitlines()[0].startswith("source,fetched_at,file,size,seconds,services,")


def test_the_cache_is_its_owner_s_alone(run: Run) -> None:
    """Folder 0700, file 0600, and nothing else left in it."""
    run.refresh()
    assert stat.S_IMODE(run.file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(run.file.stat().st_mode) == 0o600
    assert list(run.file.parent.iterdir()) == [run.file]


@pytest.mark.parametrize("case", CASES["levels"], ids=lambda case: "+".join(case["flags"]) or "none")
def test_access_levels_come_from_annotations(case: dict[str, Any]) -> None:
    """AWS's four flags do not exclude each other; IAM's five words do."""
    names = ("IsList", "IsPermissionManagement", "IsTaggingOnly", "IsWrite")
    flags = {name: name in case["flags"] for name in names}
    raw = {"Name": "x", "Actions": [{"Name": "Do", "Annotations": {"Properties": flags}}]}
    assert page(json.dumps(raw).encode(), "x").actions["do"].access_level == case["level"]


def test_a_newer_page_takes_the_place_of_the_bundled_service(tmp_path: Path) -> None:
    """Actions, levels, condition keys, types and ARNs are the page's; a service without one keeps what it had."""
    found = Catalogue(kept(tmp_path, dict(PAGES)))
    action = found.find("S3:getobject")
    assert action
    assert action.condition_keys == ("s3:ExistingObjectTag/<key>", "s3:NewlyInvented")
    assert action.resource_types == ("object", "accesspointobject")
    assert found.find("s3:DeleteBucket") is None
    assert found.actions_of("iam") == Catalogue().actions_of("iam")
    assert set(found.services) == set(Catalogue().services) | {"newservice"}
    assert [one.name for one in found.expand("newservice:*")] == ["newservice:CreateThing"]
    assert not found.notices


def test_arns_are_the_page_s(tmp_path: Path) -> None:
    """Each format a pattern; a type without one keeps its old ARNs, and without any may be any ARN, never ``*``."""
    found = Catalogue(kept(tmp_path, dict(PAGES)))
    assert found.arn_patterns("newservice:CreateThing") == (
        "arn:*:newservice:*:*:thing/*",
        "arn:*:newservice:::thing/*",
        ANY_ARN,
    )
    assert found.arn_patterns("s3:ListAllMyBuckets") == ()
    objects = found.arn_patterns("s3:GetObject")
    assert objects[0] == "arn:*:s3:::*/*"
    assert set(objects[1:]) == set(Catalogue().arn_patterns("s3:GetObject")) - {objects[0]} != set()


def test_a_level_the_page_does_not_tell_is_never_guessed(tmp_path: Path) -> None:
    """It stays the old one; an action that never had one is not taken, since reads and writes are judged apart."""
    found = Catalogue(kept(tmp_path, dict(PAGES)))
    policy = found.find("s3:PutBucketPolicy")
    assert policy
    assert policy.access_level == "Permissions management"
    assert found.find("s3:NeverSeenBefore") is None


def test_a_page_without_actions_says_nothing(tmp_path: Path) -> None:
    """It takes nothing away from what is known."""
    assert bundled.service("resource-explorer").actions
    found = Catalogue(kept(tmp_path, dict(PAGES)))
    assert found.actions_of("resource-explorer") == Catalogue().actions_of("resource-explorer")


def test_bundled_data_win_over_an_older_cache(tmp_path: Path) -> None:
    """An update of the package is not undone by an old refresh, whose operations still count."""
    found = Catalogue(kept(tmp_path, dict(PAGES), OLDER))
    assert found.everything == Catalogue().everything
    assert found.version == Catalogue().version == str(bundled.release())
    assert found.operations("newservice")
    assert found.last_accessed("s3:CreateBucket") is True


def test_operations_have_every_action_they_may_be_authorised_by(tmp_path: Path) -> None:
    """Of one name in two clients, both; what AWS has not mapped is not there, rather than there with nothing."""
    found = Catalogue(kept(tmp_path, dict(PAGES)))
    assert found.operations("S3") == {
        "GetObject": ("s3:GetObject", "s3-object-lambda:GetObject", "s3:GetObjectVersion"),
        "DeleteBucket": ("s3:DeleteBucket", "s3-outposts:DeleteBucket"),
    }
    assert found.operations("newservice") == {"CreateThing": ("newservice:CreateThing", "iam:PassRole")}
    assert found.operations("iam") == Catalogue().operations("s3") == {}


def test_last_accessed_is_yes_no_or_not_told(tmp_path: Path) -> None:
    """In any case of the name; silence is not a no."""
    found = Catalogue(kept(tmp_path, dict(PAGES)))
    assert found.last_accessed("S3:createBucket") is True
    assert found.last_accessed("s3:GetObject") is False
    for silent in ("s3:ListAllMyBuckets", "s3:PutBucketPolicy", "iam:PassRole", "s3:Nothing", "nothing", ""):
        assert found.last_accessed(silent) is None
    assert Catalogue().last_accessed("s3:CreateBucket") is None


def test_a_mirror_may_lie_under_a_path_and_rewrite_addresses_or_not(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are fetched from the mirror in either case, and from nowhere else."""
    base = f"{run.site.url}/mirror/aws"
    listed = [
        {"service": "s3", "url": "https://servicereference.us-east-1.amazonaws.com/v1/s3/s3.json"},
        {"service": "newservice", "url": f"{base}/v1/newservice/newservice.json"},
    ]
    run.site.files = {f"/mirror/aws{path}": answer for path, answer in run.site.files.items()}
    run.site.files["/mirror/aws/v1/service-list.json"] = json.dumps(listed).encode()
    monkeypatch.setenv("CLOUDSEARCH_SERVICE_REFERENCE", f"{base}/")
    assert run.refresh()[0] == 0
    assert Cache(run.file).services == {"s3", "newservice"}
    assert all(path.startswith("/mirror/aws/v1/") for path in run.site.asked)


def test_the_list_is_also_looked_for_where_aws_s_page_begins(run: Run) -> None:
    """At the root, as the page on programmatic access says."""
    run.site.files["/"] = run.site.files.pop("/v1/service-list.json")
    assert run.refresh()[0] == 0


@pytest.mark.parametrize(
    "base",
    [
        "http://servicereference.example.org",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "servicereference.example.org",
        "https://",
        "https://user:canary-7@example.org",
        "https://example.org?x=1",
        "https://example.org:port",
        "https://exa mple.org",
        "https://[::1",
    ],
)
def test_only_https_is_trusted(run: Run, monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    """Plain http is for this machine alone; what is no base URL is a usage error, and no secret is repeated."""
    monkeypatch.setenv("CLOUDSEARCH_SERVICE_REFERENCE", base)
    code, out, err = run.refresh()
    assert (code, out) == (2, "")
    assert "canary-7" not in err
    assert "Traceback" not in err


def test_https_is_verified(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that no authority vouches for is refused at once; SSL_CERT_FILE names one that does."""
    with serving(tls=True) as site:
        monkeypatch.setenv("CLOUDSEARCH_SERVICE_REFERENCE", site.url)
        code, _, err = run.refresh()
        assert code == 1
        assert "certificate" in err
        assert not site.asked
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        assert run.refresh()[0] == 0
        assert Cache(run.file).source == site.url


def test_a_proxy_is_used_but_for_this_machine(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY carries requests to other machines; when it fails, the error is its own."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, run.site.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert run.refresh()[0] == 0
    monkeypatch.setenv("CLOUDSEARCH_SERVICE_REFERENCE", "https://reference.example.org")
    code, _, err = run.refresh()
    assert code == 1
    assert "Tunnel connection failed: 501" in err


def test_a_redirect_is_followed_on_the_site_only(run: Run) -> None:
    """One within works; one to another site leaves the page out."""
    run.site.serve(MANY)
    run.site.files["/elsewhere"] = run.site.files["/v1/service1/service1.json"]
    run.site.files["/v1/service1/service1.json"] = _redirect(f"{run.site.url}/elsewhere")
    run.site.files["/v1/service2/service2.json"] = _redirect("http://127.0.0.2:9/elsewhere")
    code, out, _ = run.refresh("--format", "json")
    assert code == 0
    ((left_out,),) = [json.loads(out)["left_out"]]
    assert left_out["service"] == "service2"
    assert "another site" in left_out["reason"]


def _redirect(url: str) -> Any:  # noqa: ANN401
    return lambda request: send(request, 302, b"", Location=url)


def test_a_process_goes_on_reading_what_it_began_with(run: Run) -> None:
    """A refresh meanwhile changes nothing for it."""
    run.refresh()
    found = Catalogue(Cache(run.file))
    run.site.serve({"s3": PAGES["s3"] | {"Actions": PAGES["s3"]["Actions"][:1]}})
    run.refresh()
    assert len(found.actions_of("s3")) == 4
    assert found.find("newservice:CreateThing")
    assert not found.notices
    assert len(Catalogue(Cache(run.file)).actions_of("s3")) == 1


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"CLOUDSEARCH_CACHE": "/own", "XDG_CACHE_HOME": "/xdg"}, "/own/service-reference.zip"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/cloudsearch/service-reference.zip"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/someone/.cache/cloudsearch/service-reference.zip"),
        ({}, "/home/someone/.cache/cloudsearch/service-reference.zip"),
    ],
)
def test_where_it_is_kept(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str) -> None:
    """CLOUDSEARCH_CACHE, else the XDG folder, else ~/.cache."""
    for name in ("CLOUDSEARCH_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(path()) == expected


def test_progress_shows_on_a_terminal_alone() -> None:
    """A line of how many are done there, not a byte elsewhere."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, shows in ((Terminal(), True), (io.StringIO(), False)):
        with Progress(stream) as progress:
            progress(1, 457)
        assert ("1 of 457 services" in stream.getvalue()) is shows
        assert bool(stream.getvalue()) is shows
