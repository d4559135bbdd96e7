"""``cloudsearch validate``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloudsearch.cli.options import (
    DEFAULT_STORE,
    CaCertOption,
    FormatOption,
    IndexOption,
    OutputOption,
    ProfileOption,
    StoreOption,
    VerboseOption,
)
from cloudsearch.errors import AccessError, SourceError
from cloudsearch.render.formats import Format

if TYPE_CHECKING:
    from cloudsearch.logs.chains import Checked
    from cloudsearch.logs.digests import Digest, ReadFile
    from cloudsearch.logs.local import Unreadable
    from cloudsearch.logs.public_keys import Keys

HOW_TO_GET_KEYS = (
    "Digests are checked with AWS's public keys. Save them, once per region, with\n"
    "  aws cloudtrail list-public-keys --region REGION --start-time START --end-time END > keys-REGION.json\n"
    "and add --public-keys keys-REGION.json"
)


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Folders of digest files and log files.")],
    public_keys: Annotated[
        list[Path] | None,
        typer.Option(
            "--public-keys",
            metavar="FILE",
            help="What `aws cloudtrail list-public-keys` printed. Repeatable. [default: CloudTrail is asked]",
        ),
    ] = None,
    profile: ProfileOption = None,
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    how: FormatOption = Format.TABLE,
    output: OutputOption = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Check log files against CloudTrail's signed digests: changed, missing, or complete, hour by hour.

    What is proven is kept in the store, if there is one, for coverage and reports. The exit code is 3 when something is
    invalid or missing, or nothing could be proven. The last digest of each chain stays unproven in a local copy.

    Example: cloudsearch validate ./AWSLogs --public-keys keys.json
    """
    from cloudsearch.cli.output import put, say, width
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.logs import find
    from cloudsearch.logs.chains import check
    from cloudsearch.logs.digests import read
    from cloudsearch.render.validation import summary, validation
    from cloudsearch.reports.validation import findings, passes, sums

    log_to_stderr(verbose=verbose)
    files = list(read(find(paths)))
    checked = check(files, _keys(files, public_keys or [], profile))
    rows = findings(checked)
    lines = validation(rows, how, width=width())
    if how is Format.TABLE:
        put([*lines, "", *summary(sums(checked))], output)
    else:
        for line in summary(sums(checked)):
            say(line)
        put(lines, output)
    _keep(checked, store, index, ca_cert)
    if not passes(rows):
        raise typer.Exit(3)


def _keep(checked: Checked, store: str, index: str, ca_cert: Path | None) -> None:
    """Keep what is proven; a store that is not there is not made, for ``load`` makes it."""
    from datetime import UTC, datetime

    from cloudsearch.cli.output import say
    from cloudsearch.cli.stores import opened, takes_many_writers
    from cloudsearch.reports.proofs import keep

    if not takes_many_writers(store) and "://" not in store and not Path(store).exists():
        say(f"note: there is no store at {store}: what is proven is not kept. Load first: cloudsearch load PATH")
        return
    with opened(store, index=index, ca_cert=ca_cert) as (_, _):
        pass  # one that is not there is an error here, and is not made
    with opened(store, index=index, ca_cert=ca_cert, loading=True) as (opened_store, _):
        kept = keep(checked, opened_store, now=datetime.now(UTC))
    say(f"note: kept in {store} what {kept:,} digests prove; `cloudsearch coverage` shows it")


def _keys(files: Sequence[ReadFile | Unreadable], given: Sequence[Path], profile: str | None) -> Keys:
    from cloudsearch.logs.digests import ReadFile
    from cloudsearch.logs.public_keys import load_public_keys

    digests = [file.digest for file in files if isinstance(file, ReadFile) and file.digest]
    if not digests:
        raise SourceError(
            "There is no digest file among these. Trails with log file validation write them to "
            "AWSLogs/ACCOUNT/CloudTrail-Digest, beside the log files: copy that folder too"
        )
    return load_public_keys(given) if given else _asked(digests, profile)


def _asked(digests: Sequence[Digest], profile: str | None) -> Keys:
    """The keys of each region, asked of CloudTrail there for the time of its digests."""
    from cloudsearch.iam.aws import Access, connect
    from cloudsearch.logs.public_keys import public_keys

    keys: Keys = {}
    try:
        aws = connect(Access(profile))
        for region in sorted({digest.region for digest in digests}):
            own = [digest for digest in digests if digest.region == region]
            first, last = min(digest.start for digest in own), max(digest.end for digest in own)
            answer: dict[str, object] = {}
            asked = {"StartTime": first - timedelta(hours=1), "EndTime": last + timedelta(hours=1)}
            while not answer or answer.get("NextToken"):
                token = {"NextToken": answer["NextToken"]} if answer else {}
                answer = aws.call("cloudtrail", "ListPublicKeys", region=region or None, **asked, **token)
                listed = answer.get("PublicKeyList")
                keys = {**keys, **public_keys(listed if isinstance(listed, list) else [], f"CloudTrail in {region}")}
    except AccessError as error:
        error.add_note(HOW_TO_GET_KEYS)
        raise
    return keys
