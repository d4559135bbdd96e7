"""One filter that keeps secrets out of everything that is logged or said."""

from __future__ import annotations

import logging
import os
import re
import sys

SECRET_VARIABLES = (
    "CLOUDSEARCH_API_KEY",
    "CLOUDSEARCH_PASSWORD",
    "CLOUDSEARCH_SMTP_PASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)
_SHORTEST_SECRET = 4
_PATTERNS = (
    (re.compile(r"(?i)(://)[^/\s:@]*:[^/\s@]*@"), r"\1***@"),
    (re.compile(r"(?i)(authorization[\"']?\s*[:=]\s*[\"']?)(?:(?:basic|apikey|bearer)\s+)?[^\s\"',}]+"), r"\1***"),
    (re.compile(r"(?i)\b(basic|apikey|bearer)\s+[A-Za-z0-9+/=_.-]{8,}"), r"\1 ***"),
    (re.compile(r"(?i)((?:x-amz-(?:signature|security-token|credential))=)[^&\s\"']+"), r"\1***"),
)


def redacted(text: str) -> str:
    """The text without credentials: those of the environment, of URLs and of headers."""
    for name in SECRET_VARIABLES:
        value = os.environ.get(name, "")
        if len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, "***")
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class Redacting(logging.Filter):
    """Rewrites each message, its arguments filled in, without secrets."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact, and let pass."""
        record.msg, record.args = redacted(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = redacted(logging.Formatter().formatException(record.exc_info))
        return True


def log_to_stderr(*, verbose: bool) -> None:
    """Send the log to stderr when asked for; without ``-v`` nothing is logged."""
    root = logging.getLogger()
    root.handlers.clear()
    if not verbose:
        root.addHandler(logging.NullHandler())
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    handler.addFilter(Redacting())
    root.addHandler(handler)
    root.setLevel(logging.INFO)
