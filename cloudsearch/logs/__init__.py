"""Finds, opens and splits log files: from a path to the records in it, as the bytes AWS wrote.

``find`` names the files, ``s3.find`` those of a bucket (which takes boto3 a moment to import), ``Source`` reads one,
``split`` takes its bytes apart. What a file is, its content decides.
"""

from cloudsearch.logs.local import WHOLE, Digest, Source, Unreadable, find
from cloudsearch.logs.selection import Selection
from cloudsearch.logs.splitting import BadPiece, Contents, Kind, Piece, split

Found = Source | Unreadable | Digest
"""What there is where logs were looked for."""

__all__ = [
    "WHOLE",
    "BadPiece",
    "Contents",
    "Digest",
    "Found",
    "Kind",
    "Piece",
    "Selection",
    "Source",
    "Unreadable",
    "find",
    "split",
]
