"""Gas and time of the suite and of the designs it was weighed against; each figure by a command.

`python -m benchmarks.run` measures the suite, and peers beside it where their packages are
installed, and writes `gas.json` and `docs/gas.md`;
`python -m benchmarks.proxies` and `python -m benchmarks.alternatives` measure what was not chosen.
"""

from pathlib import Path

from tallystick import build

build.add(build.sources(Path(__file__).resolve().parent.parent, "benchmarks/contracts"))
