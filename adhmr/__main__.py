"""``python -m adhmr`` is ``adhmr``."""

import sys

from adhmr.cli import main

sys.exit(main())
