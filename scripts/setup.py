#!/usr/bin/env python3
"""Set up everything Bedside needs beside Go: `python3 scripts/setup.py --help`."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this file alone may meet an older Python
    sys.exit("set-up: Python 3.11 or later is needed, this is %s.%s. Install one and run it as: "
             "python3.11 scripts/setup.py" % sys.version_info[:2])

import os

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from scripts.bootstrap.main import main

if __name__ == "__main__":
    sys.exit(main())
