"""Index templates: generated from the field tables, kept as files that an engine takes as they are.

``python -m cloudsearch.stores.mappings`` rewrites the files in ``mappings/``; a test holds them to what the tables
say. They are written for the prefix ``cloudtrail``; ``template`` gives them for another.

A record lies at the top level of its document as AWS wrote it. Its scalars are mapped there by the names AWS
gives; its free-form objects are not mapped there, where no mapping takes all that AWS writes, but as ``flattened``
copies under ``aws.cloudtrail.flattened`` (sub-keys of a flattened field answer by their own name only, never
through an alias). Derived fields lie under ``cloudsearch``. ECS names are aliases, which cost nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

from cloudsearch.event import DERIVATION_VERSION, FIELDS_VERSION, Field, FieldType
from cloudsearch.names import ALIASES, CONSTANTS, FLATTENED, MAP_TEXTS, OURS
from cloudsearch.store import CSM_CALLS, EVENTS, TABLES, UNDATED, Table
from cloudsearch.stores.dialect import ELASTICSEARCH, OPENSEARCH, Dialect

DEFAULT_PREFIX = "cloudtrail"
YEARS = range(2006, 2100)
"""Years whose months an index pattern covers: AWS's own, and as long as anybody will read this."""

# A document with a longer record keeps it as text, so nothing that is mapped here is ever too long to be found.
_KEYWORD: dict[str, Any] = {"type": "keyword", "ignore_above": 32766}
_DATE = {"type": "date", "ignore_malformed": True}

_DERIVED: dict[FieldType, dict[str, Any]] = {
    FieldType.KEYWORD: _KEYWORD,
    FieldType.KEYWORDS: _KEYWORD,
    FieldType.TIME: _DATE,
    FieldType.INTEGER: {"type": "long"},
    FieldType.BOOLEAN: {"type": "boolean"},
}

_STORED_TEXT = {"type": "keyword", "index": False, "doc_values": False}

_FOUND_TEXT = {"type": "keyword", "ignore_above": 32766, "doc_values": False}
"""A text that is looked for, and never sorted or counted by: without the columns for that it takes half the room."""

ENGINES_TEXTS = {name: part for name, part in MAP_TEXTS.items() if "." in name}
"""Names of the texts of Java maps in a document -> which of the record's objects."""

_OF_AN_ISSUER = ("type", "principalId", "arn", "accountId", "userName")
_OF_AN_IDENTITY = (*_OF_AN_ISSUER, "accessKeyId", "invokedBy")

_KEYWORDS_OF_A_RECORD = (
    "eventVersion",
    "eventSource",
    "eventName",
    "awsRegion",
    "userAgent",
    "errorCode",
    "errorMessage",
    "requestID",
    "eventID",
    "eventType",
    "apiVersion",
    "recipientAccountId",
    "eventCategory",
    "sharedEventID",
    "vpcEndpointId",
    "sessionCredentialFromConsole",
    "readOnly",
    "managementEvent",
    *(f"userIdentity.{name}" for name in _OF_AN_IDENTITY),
    *(f"userIdentity.sessionContext.sessionIssuer.{name}" for name in _OF_AN_ISSUER),
    "userIdentity.sessionContext.attributes.mfaAuthenticated",
    "resources.ARN",
    "resources.accountId",
    "resources.type",
    "tlsDetails.tlsVersion",
    "tlsDetails.cipherSuite",
    "tlsDetails.clientProvidedHostHeader",
)

RECORD_KEYWORDS = frozenset((*_KEYWORDS_OF_A_RECORD, "sourceIPAddress"))
"""Paths of a record that are keywords under the name AWS gives them."""


def name_of(field: Field) -> str:
    """Where a derived field lies in a document."""
    return OURS + field.name


def index_name(prefix: str, table: Table, month: str | None) -> str:
    """The index that holds a table's rows of a month."""
    if month is None:
        return f"{prefix}.{table.name}"
    return f"{prefix}-{month}" if table is EVENTS else f"{prefix}.{table.name}-{month}"


def read_name(prefix: str, table: Table) -> str:
    """What a table is read by: its alias, or its one index."""
    return f"{prefix}.{table.name}"


def first_index(prefix: str, table: Table) -> str:
    """The index that is always there: a monthly table's holds the rows without a time."""
    return index_name(prefix, table, UNDATED if table.monthly else None)


def aliases(prefix: str, table: Table) -> dict[str, Any]:
    """The aliases of a table's indices; events have one that tools made for Elastic's own integration look for."""
    names = [read_name(prefix, table)] if table.monthly else []
    if table is EVENTS:
        names.append(f"logs-aws.cloudtrail-{prefix}")
    return {name: {} for name in names}


def index_patterns(prefix: str, table: Table) -> list[str]:
    """Exactly this table's indices; ``cloudtrail-*`` would also take the months of a prefix ``cloudtrail-eu``."""
    if not table.monthly:
        return [index_name(prefix, table, None)]
    return [*(index_name(prefix, table, f"{year}.*") for year in YEARS), index_name(prefix, table, UNDATED)]


def template(prefix: str, table: Table, dialect: Dialect = ELASTICSEARCH) -> dict[str, Any]:
    """The index template of a table, for a prefix."""
    read: dict[str, Any] = json.loads(_file(file_name(table, dialect)))
    return read | {
        "index_patterns": index_patterns(prefix, table),
        "template": read["template"] | {"aliases": aliases(prefix, table)},
    }


def template_name(prefix: str, table: Table) -> str:
    """The name the template is kept under."""
    return f"{prefix}.{table.name}"


def properties(table: Table) -> dict[str, Any]:
    """The mapping of a table's derived fields, by name."""
    return {field.name: _DERIVED[field.type] for field in table.fields}


def versions() -> dict[str, int]:
    """What an index remembers of the program that made it."""
    return {"fields_version": FIELDS_VERSION, "derivation_version": DERIVATION_VERSION}


@cache
def _file(name: str) -> str:
    """The file in a wheel lies inside the package, in a checkout beside it."""
    inside = files("cloudsearch") / "mappings" / name
    found = inside if inside.is_file() else files("cloudsearch") / ".." / "mappings" / name
    return found.read_text("utf-8")


def file_name(table: Table, dialect: Dialect = ELASTICSEARCH) -> str:
    """The name of a table's file."""
    return f"{dialect}-{table.name}.json"


def generated(table: Table, dialect: Dialect = ELASTICSEARCH) -> dict[str, Any]:
    """What a table's file has to say."""
    return {
        "index_patterns": index_patterns(DEFAULT_PREFIX, table),
        "priority": 300,
        "template": {
            "settings": {
                "index": {
                    "number_of_shards": 1,
                    "auto_expand_replicas": "0-1",
                    "codec": "best_compression",
                    "refresh_interval": "30s",
                    "mapping": {"ignore_malformed": True, "total_fields": {"limit": 500}},
                }
            },
            "mappings": {
                "_meta": {"cloudsearch": versions()},
                "dynamic": False,
                "date_detection": False,
                "properties": _all_properties(table, dialect),
            },
            "aliases": aliases(DEFAULT_PREFIX, table),
        },
        "_meta": {"description": f"cloudsearch: {table.name}"},
    }


def _all_properties(table: Table, dialect: Dialect) -> dict[str, Any]:
    ours = properties(table) | {"refused": _KEYWORD, "raw": _STORED_TEXT, "raw_base64": _STORED_TEXT}
    tree: dict[str, Any] = {"cloudsearch": {"properties": ours}}
    if table is EVENTS:
        for path, mapping in _record_fields(dialect):
            _put(tree, path, mapping)
    if table in (EVENTS, CSM_CALLS):
        for name, path in _aliases() if table is EVENTS else [("@timestamp", "cloudsearch.time")]:
            _put(tree, name, {"type": "alias", "path": path})
    return tree


def _record_fields(dialect: Dialect) -> Iterable[tuple[str, dict[str, Any]]]:
    yield from ((path, _KEYWORD) for path in _KEYWORDS_OF_A_RECORD)
    yield "sourceIPAddress", _KEYWORD | {"fields": {"ip": {"type": "ip", "ignore_malformed": True}}}
    yield "eventTime", _DATE
    yield "userIdentity.sessionContext.attributes.creationDate", _DATE
    for name in FLATTENED.values():
        yield f"aws.cloudtrail.flattened.{name}", dict(dialect.flattened)
    for value in CONSTANTS.values():
        yield _constant(value), _KEYWORD
    for name in ENGINES_TEXTS:
        yield name, _FOUND_TEXT


def _aliases() -> Iterable[tuple[str, str]]:
    yield from ALIASES.items()
    yield from ((name, _constant(value)) for name, value in CONSTANTS.items())


def _constant(value: str) -> str:
    """Where what is the same for every event lies; names that say the same share a place."""
    return f"aws.cloudtrail.constant.{value.replace('.', '_')}"


def constants() -> dict[str, str]:
    """What a document says under ``aws.cloudtrail.constant``."""
    return {_constant(value).rpartition(".")[2]: value for value in CONSTANTS.values()}


def _put(tree: dict[str, Any], path: str, mapping: dict[str, Any]) -> None:
    first, _, rest = path.partition(".")
    if rest:
        _put(tree.setdefault(first, {"properties": {}})["properties"], rest, mapping)
    else:
        tree[first] = mapping


def write(folder: Path) -> None:
    """Rewrite the files."""
    for dialect, table in product((ELASTICSEARCH, OPENSEARCH), TABLES):
        (folder / file_name(table, dialect)).write_text(json.dumps(generated(table, dialect), indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "mappings"))
