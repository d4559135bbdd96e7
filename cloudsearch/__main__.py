"""``python -m cloudsearch``."""

import sys

from cloudsearch.cli import main

if __name__ == "__main__":
    sys.exit(main())
