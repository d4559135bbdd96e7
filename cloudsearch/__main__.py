"""``python -m cloudsearch``."""

import sys

from cloudsearch.cli import run

if __name__ == "__main__":
    sys.exit(run())
