"""Log files in, chunks out: every record of every file ends up created, existing, or in the dead letters.

A file is marked in the ledger only after each of its records was acknowledged. Stop a load anywhere, run it
again, and it goes on at the files it had not marked; since writing is idempotent nothing is kept twice.
"""

from cloudsearch.load.crew import Crew
from cloudsearch.load.pipeline import Load
from cloudsearch.load.receipt import Receipt

__all__ = ["Crew", "Load", "Receipt"]
