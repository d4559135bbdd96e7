"""Finds, opens and splits log files: from a path to the records in it, as the bytes AWS wrote.

``find`` names the files, ``Source`` reads one, ``split`` takes its bytes apart. What a file is, its content decides.
"""

from cloudsearch.logs.local import Source, Unreadable, find
from cloudsearch.logs.splitting import BadPiece, Contents, Kind, Piece, split

__all__ = ["BadPiece", "Contents", "Kind", "Piece", "Source", "Unreadable", "find", "split"]
