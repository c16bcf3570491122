"""`python -m tallystick.build [export DIR]`."""

import sys

from tallystick.build import main

if __name__ == "__main__":
    sys.exit(main())
