"""The credential report: when each user's password and access keys were last used.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
"""

from __future__ import annotations

import base64
import binascii
import csv
from collections.abc import Mapping

from cloudsearch.errors import SourceError
from cloudsearch.iam.files import Value, moment
from cloudsearch.iam.principals import LastUse

_USES = {
    "password_last_used": "password",
    "access_key_1_last_used_date": "access key 1",
    "access_key_2_last_used_date": "access key 2",
}
_BEGINNING = "user,arn,"


def is_credential_report(content: object) -> bool:
    """Whether a value is the report: the CSV itself, or ``aws iam get-credential-report``'s answer around it."""
    if isinstance(content, str):
        return content.startswith(_BEGINNING)
    return isinstance(content, dict) and "ReportFormat" in content and isinstance(content.get("Content"), str)


def last_uses(value: Value) -> Mapping[str, tuple[LastUse, ...]]:
    """The last uses by the user's ARN. Raises ``SourceError`` where the report cannot be read."""
    rows = csv.DictReader(_csv(value).splitlines())
    missing = {"arn", *_USES} - set(rows.fieldnames or ())
    if missing:
        raise SourceError(f"{value.where}: the credential report has no column {', '.join(sorted(missing))}")
    return {str(row["arn"]): tuple(_uses(row)) for row in rows}


def _uses(row: Mapping[str, str | None]) -> list[LastUse]:
    """What is no date (``N/A``, ``no_information``, ``not_supported``) is no use."""
    times = {column: moment(row[column]) for column in _USES}
    return [LastUse(_USES[column], time, _region(row, column)) for column, time in times.items() if time]


def _region(row: Mapping[str, str | None], column: str) -> str | None:
    region = row.get(column.replace("_date", "_region")) if column.endswith("_date") else None
    return region if region not in (None, "", "N/A") else None


def _csv(value: Value) -> str:
    """The CSV's text; AWS's command and its API wrap it in base64."""
    text = str(value.content if isinstance(value.content, str) else value.content["Content"])
    if text.startswith(_BEGINNING):
        return text
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise SourceError(f"{value.where}: the credential report's Content is neither CSV nor base64 of it") from error
