"""`python -m tools.mutation`."""

import sys

from tools.mutation.run import main

sys.exit(main(sys.argv[1:]))
