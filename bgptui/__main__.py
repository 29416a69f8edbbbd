"""`python -m bgptui` is the same as `bgptui`."""

import sys

from bgptui.cli import main

sys.exit(main())
