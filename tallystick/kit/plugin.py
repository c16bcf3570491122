"""Pytest fixtures for tests over several ledgers, the same test on every back end.

Fixtures: `ledgers` (`ledgers(2)` -> chains), `home`, `remote`, `module_ledgers` for deployments
that a module's tests share, and `misbehaving` for a node with habits in front of a ledger. Whatever
a test does to a ledger is undone after it, on all ledgers; whatever a module's fixtures did, after
the module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

# Nothing else of this package: the plugin is loaded in every pytest run of its environment.
if TYPE_CHECKING:
    from tallystick.chain import Chain, Snapshot
    from tallystick.kit.node import MisbehavingNode

__all__ = ["LedgerPool"]

Ledgers = Callable[[int], "tuple[Chain, ...]"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds --ledger-backend."""
    parser.getgroup("tallystick").addoption(
        "--ledger-backend",
        choices=("embedded", "anvil", "both"),
        default=None,
        help="what ledgers run on: 'embedded' (in process), 'anvil' (processes), or 'both' after "
        "one another. By default embedded, but anvil for tests marked anvil_only.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Registers the markers."""
    for line in (
        "requirement(*ids): numbered requirements that the test gives evidence for",
        "anvil_only: needs the anvil binary; skipped with a reason where there is none",
    ):
        config.addinivalue_line("markers", line)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs every test that touches a ledger once on each back end asked for."""
    if "ledger_backend" not in metafunc.fixturenames:
        return
    chosen = metafunc.config.getoption("--ledger-backend")
    only_anvil = metafunc.definition.get_closest_marker("anvil_only") is not None
    if only_anvil and chosen in {None, "anvil", "both"}:
        backends = ["anvil"]
    elif chosen == "both":
        backends = ["embedded", "anvil"]
    else:
        backends = [chosen or "embedded"]
    metafunc.parametrize("ledger_backend", backends, indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips, with the reason, what needs an anvil that may not be used or isn't there."""
    refused = config.getoption("--ledger-backend") == "embedded"
    missing: bool | None = None
    for item in items:
        only_anvil = item.get_closest_marker("anvil_only") is not None
        callspec = getattr(item, "callspec", None)
        backend = callspec.params.get("ledger_backend") if callspec is not None else None
        if only_anvil and refused:
            item.add_marker(pytest.mark.skip(reason="needs anvil; run with --ledger-backend anvil"))
        elif only_anvil or backend == "anvil":
            if missing is None:
                from tallystick.chain.process import find_anvil

                missing = find_anvil() is None
            if missing:
                item.add_marker(pytest.mark.skip(reason="anvil is not installed (npm ci)"))


class LedgerPool:
    """The ledgers of a test session, opened once and put back after each test."""

    def __init__(self) -> None:
        self._chains: dict[str, list[Chain]] = {}
        # One mapping for each level of isolation that is open: chain -> where it goes back to.
        self._levels: list[dict[Chain, Snapshot]] = []

    def chains(self, backend: str, count: int) -> tuple[Chain, ...]:
        """The first `count` ledgers of a back end, opened when new: `home`, `remote` and so on."""
        from tallystick.chain.local import default_specs, ledgers, require_distinct

        opened = self._chains.setdefault(backend, [])
        if len(opened) < count:
            for spec in default_specs(count)[len(opened) :]:
                (chain,) = ledgers(backend, [spec])
                opened.append(chain)
                # Untouched so far, so this is what every open level has to come back to.
                for level in self._levels:
                    level[chain] = chain.snapshot()
            require_distinct(opened)
        return tuple(opened[:count])

    @contextmanager
    def isolated(self) -> Iterator[None]:
        """Undoes on leaving what the block did to any ledger of the pool."""
        level = {chain: chain.snapshot() for chains in self._chains.values() for chain in chains}
        self._levels.append(level)
        try:
            yield
        finally:
            self._levels = [other for other in self._levels if other is not level]
            for chain, snapshot in level.items():
                chain.restore(snapshot)

    def close(self) -> None:
        """Closes every ledger."""
        for chains in self._chains.values():
            for chain in chains:
                chain.close()
        self._chains.clear()


@pytest.fixture(scope="session")
def ledger_backend(request: pytest.FixtureRequest) -> str:
    """The back end that this run of the test uses: `embedded` or `anvil`."""
    return str(request.param)


@pytest.fixture(scope="session")
def ledger_pool() -> Iterator[LedgerPool]:
    """The session's ledgers."""
    pool = LedgerPool()
    yield pool
    pool.close()


@pytest.fixture(scope="module", autouse=True)
def _module_isolation(request: pytest.FixtureRequest) -> Iterator[None]:
    # Asked for by name, so that modules without ledgers don't open a pool.
    if "ledger_pool" not in _fixtures_of_module(request):
        yield
        return
    pool: LedgerPool = request.getfixturevalue("ledger_pool")
    with pool.isolated():
        yield


@pytest.fixture(autouse=True)
def _ledger_isolation(request: pytest.FixtureRequest) -> Iterator[None]:
    if "ledger_pool" not in request.fixturenames:
        yield
        return
    pool: LedgerPool = request.getfixturevalue("ledger_pool")
    with pool.isolated():
        yield


def _fixtures_of_module(request: pytest.FixtureRequest) -> set[str]:
    names: set[str] = set()
    for item in request.session.items:
        if getattr(item, "module", None) is getattr(request.node, "obj", request):
            names.update(getattr(item, "fixturenames", ()))
    return names


@pytest.fixture(scope="module")
def module_ledgers(
    ledger_backend: str, ledger_pool: LedgerPool, _module_isolation: None
) -> Ledgers:
    """`module_ledgers(2)` -> chains, for deployments that the tests of a module share."""

    def first(count: int) -> tuple[Chain, ...]:
        return ledger_pool.chains(ledger_backend, count)

    return first


@pytest.fixture
def ledgers(ledger_backend: str, ledger_pool: LedgerPool, _ledger_isolation: None) -> Ledgers:
    """`ledgers(2)` -> chains; everything done to them is undone after the test."""

    def first(count: int) -> tuple[Chain, ...]:
        return ledger_pool.chains(ledger_backend, count)

    return first


@pytest.fixture
def misbehaving() -> Iterator[Callable[..., MisbehavingNode]]:
    """`misbehaving(chain, Habits(lag=0.2), seed=1)` -> a node with habits before a chain or URL."""
    from tallystick.kit.node import MisbehavingNode

    with ExitStack() as opened:

        def before(node: Chain | str, *args: Any, **options: Any) -> MisbehavingNode:
            url = node if isinstance(node, str) else node.url
            return opened.enter_context(MisbehavingNode(url, *args, **options))

        yield before


@pytest.fixture
def home(ledgers: Ledgers) -> Any:
    """The first ledger, where instruments are issued (a `Chain`)."""
    return ledgers(1)[0]


@pytest.fixture
def remote(ledgers: Ledgers) -> Any:
    """The second ledger (a `Chain`)."""
    return ledgers(2)[1]
