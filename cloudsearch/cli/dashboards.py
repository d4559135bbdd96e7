"""``cloudsearch dashboards``: ``push``, ``export`` and ``check``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from cloudsearch.cli.options import (
    DEFAULT_STORE,
    CaCertOption,
    FormatOption,
    IndexOption,
    OutputOption,
    SinceOption,
    StoreOption,
    UntilOption,
    VerboseOption,
)
from cloudsearch.errors import CloudsearchError, UsageError
from cloudsearch.render.formats import Format

if TYPE_CHECKING:
    from cloudsearch.dashboards.importing import Target
    from cloudsearch.stores.searching import SearchStore

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Dashboards for Kibana and OpenSearch Dashboards: import them, write them to files, try them on a store.

    Example: cloudsearch dashboards push --kibana http://localhost:5601
    """,
)

KibanaOption = Annotated[
    str | None,
    typer.Option("--kibana", metavar="URL", help="The address of Kibana."),
]
OpenSearchOption = Annotated[
    str | None,
    typer.Option(
        "--opensearch-dashboards",
        metavar="URL",
        help="The address of OpenSearch Dashboards, at Amazon's service with /_dashboards.",
    ),
]


@app.command("push")
def push(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    kibana: KibanaOption = None,
    opensearch: OpenSearchOption = None,
    space: Annotated[str | None, typer.Option("--space", metavar="ID", help="The space of Kibana.")] = None,
    tenant: Annotated[
        str | None,
        typer.Option(
            "--tenant",
            metavar="NAME",
            help="The tenant of OpenSearch Dashboards: global, private or a name. [default: its own choice]",
        ),
    ] = None,
    index: IndexOption = "cloudtrail",
    ca_cert: Annotated[
        Path | None,
        typer.Option(
            "--ca-cert", envvar="CLOUDSEARCH_CA_CERT", metavar="FILE", help="Authority of the address's certificate."
        ),
    ] = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Import the dashboards; those of an earlier push are replaced, your own are left alone.

    Credentials come from CLOUDSEARCH_API_KEY (Kibana), or CLOUDSEARCH_USERNAME and CLOUDSEARCH_PASSWORD.

    Example: cloudsearch dashboards push --kibana https://kibana.example.org --space security
    """
    from cloudsearch.cli.output import put
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.dashboards import importing
    from cloudsearch.dashboards.objects import ndjson

    log_to_stderr(verbose=verbose)
    where = _target(kibana, opensearch, space, tenant)
    taken = importing.push(where, ndjson(where.flavour, index), ca_cert=ca_cert)
    put([f"{taken} saved objects are in {where.flavour} at {where.address}"], None)


@app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the files.", show_default=False)],
    index: IndexOption = "cloudtrail",
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Write the dashboards to files that Kibana and OpenSearch Dashboards import.

    Example: cloudsearch dashboards export dashboards
    """
    from cloudsearch.cli.output import put
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.dashboards.flavours import FLAVOURS
    from cloudsearch.dashboards.objects import ndjson

    log_to_stderr(verbose=verbose)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CloudsearchError(f"{folder} cannot be made: {error.strerror}") from error
    for flavour in FLAVOURS:
        put(ndjson(flavour, index).splitlines(), folder / flavour.file)
        put([f"{folder / flavour.file}: for {flavour}"], None)


@app.command("check")
def check(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    since: SinceOption = None,
    until: UntilOption = None,
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    how: FormatOption = Format.TABLE,
    output: OutputOption = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Ask a store for every panel, and list those that would be empty, and why.

    Example: cloudsearch dashboards check --store https://search.example.org:9200 --since 90d
    """
    from datetime import UTC, datetime

    from cloudsearch.cli.output import put, say, width
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened, takes_many_writers
    from cloudsearch.dashboards import checking
    from cloudsearch.render.dashboards import checked, foot
    from cloudsearch.reports.window import window

    log_to_stderr(verbose=verbose)
    span = window(since, until, now=datetime.now(UTC))
    if not takes_many_writers(store):
        raise UsageError(f"--store {store}: dashboards show an Elasticsearch or OpenSearch: give its http(s) URL")
    with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
        found = list(checking.check(cast("SearchStore", opened_store), index, span))
    lines = checked(found, how, width=width())
    if how is Format.TABLE:
        put([*lines, *foot(found)], output)
        return
    for line in () if how.is_document else foot(found):
        say(line)
    put(lines, output)


def _target(kibana: str | None, opensearch: str | None, space: str | None, tenant: str | None) -> Target:
    """The one that was named, with the credentials of the environment."""
    from cloudsearch.dashboards.flavours import KIBANA, OPENSEARCH_DASHBOARDS
    from cloudsearch.dashboards.importing import target

    if bool(kibana) == bool(opensearch):
        raise UsageError("Say where to: --kibana URL, or --opensearch-dashboards URL")
    if tenant is not None and kibana:
        raise UsageError("--tenant is of OpenSearch Dashboards; Kibana has --space")
    if space is not None and opensearch:
        raise UsageError("--space is of Kibana; OpenSearch Dashboards has --tenant")
    username, password = os.environ.get("CLOUDSEARCH_USERNAME"), os.environ.get("CLOUDSEARCH_PASSWORD")
    return target(
        KIBANA if kibana else OPENSEARCH_DASHBOARDS,
        kibana or opensearch or "",
        part=space if kibana else tenant,
        api_key=os.environ.get("CLOUDSEARCH_API_KEY") or None,
        basic=(username, password) if username and password else None,
    )
