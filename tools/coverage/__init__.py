"""Line and branch coverage of the Vyper sources, from the programme counters of executed code.

ape's own coverage reads the map of the deployment code for the runtime code and knows no modules;
this one uses the compiler's `source_map_runtime` (and `source_map` for constructors), so that
modules, proxies and constructors count. `mapping` turns compiler output into maps, `record`
collects, `report` compares, `plugin` does it all in a pytest run.
"""
