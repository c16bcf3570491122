"""Release authority: register, notice, consent, activation, rollback; no step can be left out.

And whose code may hold units in custody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tallystick.build import artifact, source_root
from tallystick.chain import Contract
from tallystick.deploy.steps import blueprint_content
from tallystick.deploy.upgrade import deploy_implementation
from tallystick.governance.release import (
    APPROVERS,
    Version,
    proxy_name,
    release_id,
    release_kind,
    release_terms,
)
from tallystick.governance.roles import reason_code
from tests.support.world import (
    DAY,
    DOCUMENT,
    NO_DOCUMENT,
    NO_REASON,
    STATED,
    ZERO,
    Side,
    World,
    hashes_at,
    pieces_behind,
    refused,
)

_TERMS = ",".join(["bytes32", "uint256", "address", *["bytes32"] * 5])
REGISTER = f"register_release(({_TERMS}),bytes4,bytes32)"
WITHDRAW = "withdraw_release(bytes32,bytes4,bytes32)"
REGISTER_CODE = "register_custody_code(bytes32,bytes4,bytes32)"
WITHDRAW_CODE = "withdraw_custody_code(bytes32,bytes4,bytes32)"
CREATE = "create_proxy(bytes32,bytes32,bytes,bytes4,bytes32)"
NOTICE = "give_notice(address,bytes32,bytes4,bytes32)"
APPROVE = "approve(address,bytes32,bytes4,bytes32)"
CANCEL = "cancel(address,bytes4,bytes32)"
ROLL_BACK = "roll_back(address,bool,bytes4,bytes32)"
HAND_OVER = "hand_over(bytes4,bytes32)"
# Why the guardian may roll back alone, of every authority from the first.
ALONE = (reason_code("FALT"), DOCUMENT)
HOUR = 3_600
PERIOD, LAPSE, WINDOW = HOUR, 30 * DAY, DAY
NEXT = Version(1, 1, 0)
FIRST = release_id("SecurityToken", Version(1, 0, 0))
# Every piece behind the first of the token and of an engine: whose, at what place.
BEHIND = [
    (kind, place)
    for kind in ("SecurityToken", "ActionsEngine")
    for place, _ in enumerate(artifact(kind).behind)
]
SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC


@dataclass(frozen=True)
class Upgrade:
    """The next release of the home token, or its engine, to be taken step by step."""

    side: Side
    implementation: Contract
    version: Version = NEXT
    migration: bytes = b""
    kind: str = "SecurityToken"

    @property
    def proxy(self) -> Contract:
        """Whose release it is."""
        return self.side.engine if self.kind == "ActionsEngine" else self.side.token

    @property
    def id(self) -> bytes:
        """The release's id."""
        return release_id(self.kind, self.version)

    @property
    def terms(self) -> tuple[Any, ...]:
        """The release as it is registered."""
        return (
            release_kind(self.kind),
            self.version.packed,
            self.implementation.address,
            *hashes_at(self.side.chain, self.kind, self.implementation),
            DOCUMENT,
            keccak(self.migration) if self.migration else bytes(32),
        )

    def register(self, **changed: Any) -> Any:
        """The upgrader registers it."""
        names = [
            "kind",
            "version",
            "implementation",
            "code_hash",
            "behind_hash",
            "layout_hash",
            "evidence_hash",
            "migration_hash",
        ]
        values = dict(zip(names, self.terms, strict=True)) | changed
        return self.side.authority.register_release(
            tuple(values.values()), *STATED, sender=self.side.upgrader
        )

    def notice(self, proxy: Any = None) -> Any:
        """The upgrader gives notice."""
        return self.side.authority.give_notice(
            proxy or self.proxy, self.id, *STATED, sender=self.side.upgrader
        )

    def withdraw(self) -> Any:
        """The upgrader withdraws it."""
        return self.side.authority.withdraw_release(self.id, *STATED, sender=self.side.upgrader)

    def approve(self, *roles: str) -> None:
        """Whoever has to, or some of them, consent."""
        self.side.consent(self.proxy, release_terms(self.terms), *roles)

    def wait(self, offset: int = 0) -> None:
        """Let the notice pass."""
        noticed = self.side.authority.notice_of(self.proxy).noticed_at
        self.side.chain.set_time(noticed + PERIOD + offset)

    def activate(self, migration: bytes | None = None) -> Any:
        """Anyone activates it."""
        call = self.migration if migration is None else migration
        return self.side.authority.activate(self.proxy, self.id, call, sender=self.side.attacker)

    def noticed(self) -> None:
        """It is registered, and notice given."""
        self.register()
        self.notice()

    def approved(self) -> None:
        """All have consented, too."""
        self.noticed()
        self.approve()

    def carry_out(self) -> Any:
        """Every step."""
        self.approved()
        self.wait()
        return self.activate()


def upgrade_of(side: Side, kind: str) -> Upgrade:
    """The next release of the token, or of its engine, with pieces of its own."""
    implementation = deploy_implementation(side.chain, kind, sender=side.deployer)
    return Upgrade(side, implementation, kind=kind)


@pytest.fixture
def upgrade(home_side: Side) -> Upgrade:
    return upgrade_of(home_side, "SecurityToken")


def pointed_at(side: Side) -> str:
    """What the home token's proxy points to."""
    return "0x" + side.chain.storage(side.token.address, SLOT)[12:].hex()


def fresh_authority(side: Side, **changed: Any) -> Contract:
    """An authority in set-up whose key is the deployer."""
    arguments = {
        "key": side.deployer.address,
        "notice": PERIOD,
        "activation": LAPSE,
        "window": WINDOW,
        "blueprint": side.authority.PROXY_BLUEPRINT(),
        **changed,
    }
    return side.chain.deploy("ReleaseAuthority", *arguments.values(), sender=side.deployer)


# ---------------------------------------------------------------------- construction


@pytest.mark.parametrize(("period", "activation"), [(HOUR, 1), (90 * DAY, 365 * DAY)])
def test_periods_at_their_floors_and_ceilings(
    home_side: Side, period: int, activation: int
) -> None:
    authority = fresh_authority(home_side, notice=period, activation=activation, window=period)
    assert (
        authority.NOTICE(),
        authority.ACTIVATION_WINDOW(),
        authority.ROLLBACK_WINDOW(),
    ) == (period, activation, period)


def test_construction_logs_what_it_fixes(home_side: Side) -> None:
    authority = fresh_authority(home_side)
    deployer = home_side.deployer
    assert authority.deployment is not None
    assert authority.deployment.events == (
        authority.emitted("AuthorityCreated", authority.PROXY_BLUEPRINT(), PERIOD, LAPSE, WINDOW),
        authority.emitted("RollBackReasonSet", ALONE[0], True),
        authority.emitted("SetUpBegun", deployer, deployer),
    )


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"notice": HOUR - 1}, "release: notice under an hour"),
        ({"notice": 90 * DAY + 1}, "release: notice above 90 days"),
        ({"activation": 0}, "release: no activation window"),
        ({"activation": 365 * DAY + 1}, "release: activation above a year"),
        ({"window": HOUR - 1}, "release: window under an hour"),
        ({"window": 90 * DAY + 1}, "release: window above 90 days"),
        ({"blueprint": ZERO}, "release: other proxy blueprint"),
        ({"key": ZERO}, "access: no set-up key"),
    ],
)
def test_construction_refuses(world: World, changed: dict[str, Any], reason: str) -> None:
    with refused(world, reason):
        fresh_authority(world.home, **changed)


def test_the_known_blueprint_is_that_of_the_build(home_side: Side) -> None:
    """Fails with every change of ReleaseProxy and of what it imports, comments included."""
    due = "0x" + keccak(blueprint_content()).hex()
    root = source_root()
    assert root is not None
    source = (root / "contracts/governance/ReleaseAuthority.vy").read_text()
    assert due in source, f"put {due} into _PROXY_BLUEPRINT_HASH of ReleaseAuthority.vy"
    assert keccak(home_side.chain.code(home_side.authority.PROXY_BLUEPRINT())).hex() == due[2:]


@pytest.mark.parametrize("change", [b"\x00", b"\xff"])
def test_a_blueprint_of_one_byte_more_is_another(world: World, change: bytes) -> None:
    side = world.home
    side.chain.set_code(side.attacker.address, blueprint_content() + change)
    with refused(world, "release: other proxy blueprint"):
        fresh_authority(side, blueprint=side.attacker.address)


# ----------------------------------------------------------------------- registering


@pytest.mark.requirement("R-60")
def test_upgrader_registers_a_release(upgrade: Upgrade) -> None:
    authority, upgrader = upgrade.side.authority, upgrade.side.upgrader
    receipt = upgrade.register()
    kind, version, implementation, *hashes = upgrade.terms
    assert receipt.return_value == upgrade.id
    assert receipt.events == (
        upgrade.side.act(authority, REGISTER, implementation, upgrader),
        authority.emitted("ReleaseRegistered", upgrade.id, kind, version, implementation, *hashes),
    )
    assert tuple(authority.release_of(upgrade.id)) == upgrade.terms
    assert authority.release_id(kind, version) == upgrade.id


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("kind", bytes(32), "release: no kind"),
        ("version", 0, "release: no version"),
        ("version", 2**48, "release: version too large"),
        ("code_hash", bytes(32), "release: no code hash"),
        ("layout_hash", bytes(32), "release: no layout hash"),
        ("evidence_hash", bytes(32), "release: no evidence"),
        ("code_hash", DOCUMENT, "release: other code there"),
        # Under the same address another piece; and several pieces passed off as one.
        ("behind_hash", DOCUMENT, "release: other code behind"),
        ("behind_hash", bytes(32), "release: other code behind"),
        ("implementation", ZERO, "release: no contract there"),
    ],
)
def test_an_unsound_release_is_refused(
    world: World, upgrade: Upgrade, field: str, value: Any, reason: str
) -> None:
    with refused(world, reason):
        upgrade.register(**{field: value})


def test_a_version_is_registered_once(world: World, upgrade: Upgrade) -> None:
    upgrade.register()
    with refused(world, "release: registered already"):
        upgrade.register()
    with refused(world, "release: registered already"):
        upgrade.register(evidence_hash=b"\x01" * 32)


def test_the_largest_version_is_registered(upgrade: Upgrade) -> None:
    largest = replace(upgrade, version=Version(65_535, 65_535, 65_535))
    assert largest.register().return_value == largest.id


def test_an_account_that_delegates_is_no_release(world: World, upgrade: Upgrade) -> None:
    side = upgrade.side
    code = bytes.fromhex("ef0100" + upgrade.implementation.address[2:])
    side.chain.set_code(side.attacker.address, code)
    with refused(world, "release: no contract there"):
        upgrade.register(implementation=side.attacker.address, code_hash=keccak(code))


def test_a_release_in_one_piece_names_no_code_behind(world: World, upgrade: Upgrade) -> None:
    whole = replace(upgrade, implementation=upgrade.side.authority, kind="ReleaseAuthority")
    assert whole.terms[4] == bytes(32)
    with refused(world, "release: other code behind"):
        whole.register(behind_hash=DOCUMENT)
    assert whole.register().return_value == whole.id


@pytest.mark.parametrize("code", ["60205ffd", "601f5ff3"], ids=["a word reverts", "31 bytes"])
def test_what_answers_with_no_word_names_no_code_behind(
    world: World, upgrade: Upgrade, code: str
) -> None:
    """Neither a revert as long as one, nor what is a byte short of it."""
    side = upgrade.side
    side.chain.set_code(side.outsider.address, bytes.fromhex(code))
    answering = side.chain.at("ReleaseAuthority", side.outsider.address)
    whole = replace(upgrade, implementation=answering, kind="ReleaseAuthority")
    assert whole.terms[4] == bytes(32)
    assert whole.register().return_value == whole.id


def test_a_release_in_one_piece_has_nothing_behind_it(world: World) -> None:
    """Not even the nobody who was sent ether, and whose code has a hash since."""
    upgrade = upgrade_of(world.home, "InstrumentRegistry")
    assert upgrade.terms[4] == bytes(32)
    world.home.chain.set_balance(ZERO, 1)
    assert upgrade.register().return_value == upgrade.id


def test_a_release_in_two_pieces_is_held_to_the_code_of_the_second(
    world: World, upgrade: Upgrade
) -> None:
    """Its controls hand on to nothing: they name no settings."""
    side, settings = upgrade.side, artifact("SecurityTokenSettings")
    last = side.chain.deploy(settings, sender=side.deployer)
    implementation = side.chain.deploy("SecurityToken", last, sender=side.deployer)
    two = replace(upgrade, implementation=implementation)
    assert two.terms[4] == settings.code_hash
    with refused(world, "release: other code behind"):
        two.register(behind_hash=keccak(settings.code_hash))
    assert two.register().return_value == two.id


def test_a_release_in_three_pieces_is_held_to_the_code_of_both_behind(
    world: World, upgrade: Upgrade
) -> None:
    controls, settings = (
        keccak(upgrade.side.chain.code(piece))
        for piece in pieces_behind(upgrade.side.chain, upgrade.implementation)
    )
    # Neither alone, nor in the other order.
    for other in (controls, settings, keccak(settings + controls)):
        with refused(world, "release: other code behind"):
            upgrade.register(behind_hash=other)
    assert upgrade.register(behind_hash=keccak(controls + settings)).return_value == upgrade.id


@pytest.mark.parametrize(("kind", "count"), [("BridgeEscrow", 4), ("ActionsEngine", 5)])
def test_a_release_in_many_pieces_is_held_to_the_code_of_all_behind(
    world: World, kind: str, count: int
) -> None:
    upgrade = upgrade_of(world.home, kind)
    chain = upgrade.side.chain
    behind = [keccak(chain.code(each)) for each in pieces_behind(chain, upgrade.implementation)]
    assert len(behind) == count
    # Neither fewer, nor in another order, nor one of them twice.
    fewer = [list(each) for some in range(1, count) for each in combinations(behind, some)]
    others = [list(each) for each in permutations(behind) if list(each) != behind]
    for other in (*fewer, *others, [*behind[:-1], behind[1]]):
        due = keccak(b"".join(other)) if len(other) > 1 else other[0]
        with refused(world, "release: other code behind"):
            upgrade.register(behind_hash=due)
    due = keccak(b"".join(behind))
    assert upgrade.register(behind_hash=due).return_value == upgrade.id


@pytest.mark.parametrize(
    ("kind", "pieces"),
    [("SecurityToken", 3), ("BridgeEscrow", 5), ("ActionsEngine", 6)],
)
def test_to_ask_the_last_piece_for_a_next_one_costs_next_to_nothing(
    home_side: Side, kind: str, pieces: int
) -> None:
    """It refuses what it does not know by a reason: a lock taken in a static call would halt, and
    burn 63/64 of the gas of whoever asks."""
    upgrade = upgrade_of(home_side, kind)
    assert len(pieces_behind(home_side.chain, upgrade.implementation)) == pieces - 1
    ample = 2_000_000
    register = (upgrade.terms, *STATED)
    authority, upgrader = home_side.authority, home_side.upgrader
    receipt = authority.register_release(*register, sender=upgrader, gas=ample)
    # Nine new words at 22,100 are most of it.
    assert receipt.gas_used < 250_000


@pytest.mark.parametrize(
    ("kind", "place", "after"), [("SecurityToken", 0, 1), ("ActionsEngine", 3, 4)]
)
def test_the_same_pieces_before_another_last_one_are_another_release(
    world: World, kind: str, place: int, after: int
) -> None:
    """The code of each names the next one's address alone, and commits to nothing there."""
    upgrade = upgrade_of(world.home, kind)
    chain, terms = upgrade.side.chain, upgrade.terms
    behind = pieces_behind(chain, upgrade.implementation)
    assert behind[after] == behind[-1]
    before = chain.code(behind[place])
    chain.set_code(behind[after], artifact("BridgeEscrow").bytecode_runtime)
    assert chain.code(behind[place]) == before
    with refused(world, "release: other code behind"):
        upgrade.register(behind_hash=terms[4])


@pytest.mark.parametrize(("kind", "place"), BEHIND)
@pytest.mark.parametrize("code", [b"", b"\xef\x01\x00" + b"\x11" * 20])
def test_what_is_no_contract_is_no_piece_of_a_release(
    world: World, kind: str, place: int, code: bytes
) -> None:
    upgrade = upgrade_of(world.home, kind)
    chain = upgrade.side.chain
    terms = upgrade.terms
    chain.set_code(pieces_behind(chain, upgrade.implementation)[place], code)
    for due in (terms[4], keccak(code)):
        with refused(world, "release: no contract behind"):
            upgrade.register(behind_hash=due)


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize(("kind", "place"), BEHIND)
def test_each_piece_behind_is_looked_at_again_at_every_step(
    world: World, kind: str, place: int
) -> None:
    side, upgrade = world.home, upgrade_of(world.home, kind)
    piece = pieces_behind(side.chain, upgrade.implementation)[place]
    good, due = side.chain.code(piece), upgrade.terms[4]
    # It still names the same next piece.
    changed = good + b"\0"
    side.chain.set_code(piece, changed)
    with refused(world, "release: other code behind"):
        upgrade.register(behind_hash=due)
    side.chain.set_code(piece, good)
    upgrade.register()
    side.chain.set_code(piece, changed)
    with refused(world, "release: code behind has changed"):
        upgrade.notice()
    side.chain.set_code(piece, good)
    upgrade.notice()
    upgrade.approve()
    upgrade.wait()
    side.chain.set_code(piece, changed)
    with refused(world, "release: code behind has changed"):
        upgrade.activate()
    side.chain.set_code(piece, good)
    upgrade.activate()
    before = pieces_behind(side.chain, side.implementations[kind])[place]
    side.chain.set_code(before, side.chain.code(before) + b"\0")
    with refused(world, "release: code behind has changed"):
        side.authority.roll_back(upgrade.proxy, False, *ALONE, sender=side.guardian)


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize(("kind", "place"), BEHIND)
def test_no_proxy_is_created_on_a_release_with_other_code_behind(
    world: World, kind: str, place: int
) -> None:
    side = world.home
    suite, upgrade = side.fresh_suite(), upgrade_of(side, kind)
    suite.authority.register_release(upgrade.terms, *STATED, sender=side.deployer)
    piece = pieces_behind(side.chain, upgrade.implementation)[place]
    side.chain.set_code(piece, side.chain.code(piece) + b"\0")
    with refused(world, "release: code behind has changed"):
        suite.authority.create_proxy(
            upgrade.id,
            DOCUMENT,
            b"",
            *STATED,
            sender=side.deployer,
        )


# ----------------------------------------------------------------------- withdrawing


def test_upgrader_withdraws_a_release_that_never_ran(upgrade: Upgrade) -> None:
    side, authority = upgrade.side, upgrade.side.authority
    upgrade.register()
    receipt = upgrade.withdraw()
    assert receipt.events == (
        side.act(authority, WITHDRAW, upgrade.implementation, side.upgrader),
        authority.emitted("ReleaseWithdrawn", upgrade.id),
    )
    assert authority.release_of(upgrade.id).version == 0
    # Its number is free again.
    assert upgrade.register(evidence_hash=b"\1" * 32).return_value == upgrade.id


def test_the_set_up_key_withdraws_a_release(home_side: Side) -> None:
    authority = fresh_authority(home_side)
    release = genesis(home_side, authority)
    authority.withdraw_release(release, *STATED, sender=home_side.deployer)
    assert authority.release_of(release).version == 0


def test_what_is_not_registered_is_not_withdrawn(world: World, upgrade: Upgrade) -> None:
    with refused(world, "release: nothing to withdraw"):
        upgrade.withdraw()


def test_a_release_that_a_proxy_was_created_with_stays(world: World, upgrade: Upgrade) -> None:
    first = replace(upgrade, version=Version(1, 0, 0))
    assert upgrade.side.authority.has_run(first.id)
    with refused(world, "release: was run by a proxy"):
        first.withdraw()


def test_a_release_that_was_activated_stays(world: World, upgrade: Upgrade) -> None:
    upgrade.carry_out()
    upgrade.side.authority.roll_back(
        upgrade.side.token, False, *ALONE, sender=upgrade.side.guardian
    )
    with refused(world, "release: was run by a proxy"):
        upgrade.withdraw()


def test_a_withdrawn_release_is_not_activated(world: World, upgrade: Upgrade) -> None:
    upgrade.approved()
    upgrade.wait()
    upgrade.withdraw()
    with refused(world, "release: not registered"):
        upgrade.activate()


# ------------------------------------------------------------------ proxies in set-up


def genesis(side: Side, authority: Contract, kind: str = "SecurityToken") -> bytes:
    """Register a deployed implementation, the token's by default, with a fresh authority."""
    implementation = side.chain.at(kind, side.implementations[kind])
    release = Upgrade(side, implementation, Version(1, 0, 0), kind=kind)
    authority.register_release(release.terms, *STATED, sender=side.deployer)
    return release.id


def token_call(side: Side) -> bytes:
    """The call that initialises a token."""
    return bytes(
        side.token.initialize.encode("n", "s", 6, "US0378331005", True, 0, side.deployer.address)
    )


def test_the_set_up_key_creates_proxies(home_side: Side) -> None:
    authority = fresh_authority(home_side)
    release = genesis(home_side, authority)
    name = proxy_name("SecurityToken", "US0378331005")
    receipt = authority.create_proxy(
        release, name, token_call(home_side), *STATED, sender=home_side.deployer
    )
    proxy = receipt.return_value
    bound = home_side.chain.at("ReleaseProxy", proxy)
    kind = release_kind("SecurityToken")
    created, initialised = receipt.events[0], receipt.events[1:-2]
    assert created == bound.emitted("Upgraded", home_side.implementations["SecurityToken"])
    # What the token logs of its own initialisation.
    assert {event.address for event in initialised} == {proxy}
    assert receipt.events[-2:] == (
        home_side.act(authority, CREATE, proxy, home_side.deployer),
        authority.emitted("ProxyCreated", proxy, kind, release, name),
    )
    assert authority.proxy_at(name) == proxy
    assert tuple(authority.installation_of(proxy)) == (
        kind,
        release,
        bytes(32),
        receipt.timestamp,
    )
    assert home_side.chain.at("SecurityToken", proxy).isin() == "US0378331005"


def test_a_name_gets_one_proxy(world: World) -> None:
    side = world.home
    authority = fresh_authority(side)
    release = genesis(side, authority)
    arguments = (release, DOCUMENT, token_call(side), *STATED)
    authority.create_proxy(*arguments, sender=side.deployer)
    with refused(world, "release: proxy exists"):
        authority.create_proxy(*arguments, sender=side.deployer)


def test_a_proxy_needs_a_registered_release(world: World) -> None:
    side = world.home
    authority = fresh_authority(side)
    with refused(world, "release: not registered"):
        authority.create_proxy(DOCUMENT, DOCUMENT, token_call(side), *STATED, sender=side.deployer)


def test_a_proxy_whose_initialiser_refuses_is_not_created(world: World) -> None:
    side = world.home
    authority = fresh_authority(side)
    release = genesis(side, authority)
    with refused(world, "token: not an ISIN"):
        authority.create_proxy(
            release,
            DOCUMENT,
            side.token.initialize.encode("n", "s", 6, "", True, 0, side.deployer.address),
            *STATED,
            sender=side.deployer,
        )


def test_a_call_that_initialises_nothing_creates_no_proxy(world: World) -> None:
    side = world.home
    authority = fresh_authority(side)
    release = genesis(side, authority)
    with refused(world, "release: proxy not initialised"):
        authority.create_proxy(
            release, DOCUMENT, side.token.symbol.encode(), *STATED, sender=side.deployer
        )


def test_a_proxy_that_another_key_sets_up_is_not_created(world: World) -> None:
    side = world.home
    authority = fresh_authority(side)
    release = genesis(side, authority)
    call = side.token.initialize.encode("n", "s", 6, "US0378331005", True, 0, side.attacker)
    with refused(world, "release: another set-up key"):
        authority.create_proxy(release, DOCUMENT, call, *STATED, sender=side.deployer)


def test_a_proxy_states_why(world: World) -> None:
    side = world.home
    authority = fresh_authority(side)
    release = genesis(side, authority)
    with refused(world, "instruction: no reason code"):
        authority.create_proxy(
            release, DOCUMENT, token_call(side), NO_REASON, NO_DOCUMENT, sender=side.deployer
        )


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("role", ["deployer", "administrator", "issuer", "attacker"])
def test_no_proxy_is_created_after_hand_over_but_by_the_upgrader(world: World, role: str) -> None:
    side = world.home
    with refused(world, "access: missing role or set-up"):
        side.authority.create_proxy(
            FIRST,
            DOCUMENT,
            token_call(side),
            *STATED,
            sender=side.parties[role],
        )


def test_the_upgrader_creates_the_proxy_of_a_new_instrument_for_who_sets_it_up(
    world: World,
) -> None:
    side = world.home
    authority, name = side.authority, proxy_name("SecurityToken", "DE0001102580")
    receipt = authority.create_proxy(FIRST, name, token_call(side), *STATED, sender=side.upgrader)
    proxy = receipt.return_value
    assert receipt.events[-2:] == (
        side.act(authority, CREATE, proxy, side.upgrader),
        authority.emitted("ProxyCreated", proxy, release_kind("SecurityToken"), FIRST, name),
    )
    assert authority.proxy_at(name) == proxy
    token = side.chain.at("SecurityToken", proxy)
    # It gives the upgrader nothing there.
    assert token.set_up_key() == side.deployer.address
    assert token.role_of(side.upgrader) == 0


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize("step", ["registered", "noticed", "approved"])
def test_the_upgrader_starts_no_proxy_on_a_release_that_was_never_activated(
    world: World, upgrade: Upgrade, step: str
) -> None:
    """Its layout has the consent of nobody else yet."""
    side = upgrade.side
    upgrade.register()
    if step != "registered":
        upgrade.notice()
    if step == "approved":
        upgrade.approve()
    name = proxy_name("SecurityToken", "DE0001102580")
    arguments = (upgrade.id, name, token_call(side), *STATED)
    with refused(world, "release: never activated here"):
        side.authority.create_proxy(*arguments, sender=side.upgrader)


def test_the_upgrader_starts_a_proxy_on_a_release_that_was_activated(upgrade: Upgrade) -> None:
    side = upgrade.side
    upgrade.carry_out()
    name = proxy_name("SecurityToken", "DE0001102580")
    arguments = (upgrade.id, name, token_call(side), *STATED)
    proxy = side.authority.create_proxy(*arguments, sender=side.upgrader).return_value
    assert side.authority.installation_of(proxy).release == upgrade.id


def test_the_upgrader_starts_the_first_proxy_of_a_kind_that_is_new_here(home_side: Side) -> None:
    """None of it was ever consented to: no suite could get an engine later."""
    side = home_side
    first = replace(upgrade_of(side, "BridgeEscrow"), version=Version(1, 0, 0))
    terms = (keccak(b"Newcomer"), *first.terms[1:])
    release = side.authority.register_release(terms, *STATED, sender=side.upgrader).return_value
    call = side.escrow.initialize.encode(side.deployer)
    receipt = side.authority.create_proxy(
        release, keccak(b"newcomer"), call, *STATED, sender=side.upgrader
    )
    assert side.authority.has_run(release) is True
    assert side.authority.installation_of(receipt.return_value).kind == keccak(b"Newcomer")


def test_the_upgrader_gives_no_name_another_proxy(world: World) -> None:
    side = world.home
    with refused(world, "release: proxy exists"):
        side.authority.create_proxy(
            FIRST,
            proxy_name("SecurityToken", side.token.isin()),
            token_call(side),
            *STATED,
            sender=side.upgrader,
        )


def test_the_upgrader_creates_no_proxy_that_nobody_sets_up(world: World) -> None:
    side = world.home
    with refused(world, "release: proxy not initialised"):
        side.authority.create_proxy(
            FIRST,
            DOCUMENT,
            side.token.symbol.encode(),
            *STATED,
            sender=side.upgrader,
        )


# ---------------------------------------------------------------------------- notice


@pytest.mark.requirement("R-60")
def test_upgrader_gives_notice(upgrade: Upgrade) -> None:
    side, authority = upgrade.side, upgrade.side.authority
    upgrade.register()
    receipt = upgrade.notice()
    assert receipt.events == (
        side.act(authority, NOTICE, side.token, side.upgrader),
        authority.emitted(
            "ActivationNoticed",
            side.token,
            upgrade.id,
            release_terms(upgrade.terms),
            receipt.timestamp + PERIOD,
            receipt.timestamp + PERIOD + LAPSE,
        ),
    )
    assert tuple(authority.notice_of(side.token)) == (
        upgrade.id,
        release_terms(upgrade.terms),
        receipt.timestamp,
        side.upgrader.address,
        ZERO,
        ZERO,
        ZERO,
    )


def test_notice_of_an_unregistered_release_is_refused(world: World, upgrade: Upgrade) -> None:
    with refused(world, "release: not registered"):
        upgrade.notice()


def test_notice_to_an_unknown_proxy_is_refused(world: World, upgrade: Upgrade) -> None:
    upgrade.register()
    for proxy in (upgrade.side.custody, upgrade.side.attacker):
        with refused(world, "release: unknown proxy"):
            upgrade.notice(proxy)


def test_notice_of_another_kind_is_refused(world: World, upgrade: Upgrade) -> None:
    upgrade.register()
    with refused(world, "release: of another kind"):
        upgrade.notice(upgrade.side.escrow)


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize("version", [Version(0, 9, 9), Version(1, 0, 0)])
def test_releases_only_go_forward(world: World, upgrade: Upgrade, version: Version) -> None:
    older = replace(upgrade, version=version)
    if version != Version(1, 0, 0):
        older.register()
    with refused(world, "release: not newer"):
        older.notice()


def test_notice_of_code_that_has_changed_is_refused(world: World, upgrade: Upgrade) -> None:
    upgrade.register()
    upgrade.side.chain.set_code(upgrade.implementation.address, b"\x00")
    with refused(world, "release: code has changed"):
        upgrade.notice()


def test_a_new_notice_lets_consents_lapse(world: World, upgrade: Upgrade) -> None:
    upgrade.approved()
    upgrade.notice()
    upgrade.wait()
    with refused(world, "release: issuer has not approved"):
        upgrade.activate()


def test_a_notice_over_another_cancels_it_in_the_open(upgrade: Upgrade) -> None:
    side, authority = upgrade.side, upgrade.side.authority
    implementation = deploy_implementation(side.chain, "SecurityToken", sender=side.deployer)
    later = replace(upgrade, implementation=implementation, version=Version(1, 2, 0))
    upgrade.noticed()
    later.register()
    receipt = later.notice()
    assert receipt.events == (
        side.act(authority, NOTICE, side.token, side.upgrader),
        authority.emitted("ActivationCancelled", side.token, upgrade.id),
        authority.emitted(
            "ActivationNoticed",
            side.token,
            later.id,
            release_terms(later.terms),
            receipt.timestamp + PERIOD,
            receipt.timestamp + PERIOD + LAPSE,
        ),
    )


# --------------------------------------------------------------------------- consent


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize("role", APPROVERS)
def test_issuer_operator_and_auditor_consent(upgrade: Upgrade, role: str) -> None:
    side, authority = upgrade.side, upgrade.side.authority
    account = side.parties[role]
    upgrade.noticed()
    terms = release_terms(upgrade.terms)
    receipt = authority.approve(side.token, terms, *STATED, sender=account)
    assert receipt.events == (
        side.act(authority, APPROVE, side.token, account),
        authority.emitted("ActivationApproved", side.token, upgrade.id, account),
    )
    assert getattr(authority.notice_of(side.token), role) == account.address


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        (bytes(32), "release: approve what"),
        (DOCUMENT, "release: not the noticed one"),
        # A release's number is not what it consists of.
        (release_id("SecurityToken", NEXT), "release: not the noticed one"),
    ],
)
def test_consent_to_something_else_is_refused(
    world: World, upgrade: Upgrade, terms: bytes, reason: str
) -> None:
    upgrade.noticed()
    with refused(world, reason):
        upgrade.side.authority.approve(
            upgrade.side.token, terms, *STATED, sender=upgrade.side.issuer
        )


def test_consent_before_notice_is_refused(world: World, upgrade: Upgrade) -> None:
    upgrade.register()
    with refused(world, "release: not the noticed one"):
        upgrade.approve("issuer")


@pytest.mark.parametrize(("offset", "counts"), [(-1, True), (0, False)])
def test_consent_ends_when_the_notice_lapses(
    world: World, upgrade: Upgrade, offset: int, counts: bool
) -> None:
    upgrade.noticed()
    upgrade.wait(LAPSE + offset)
    if counts:
        upgrade.approve("issuer")
    else:
        with refused(world, "release: consent after the lapse"):
            upgrade.approve("issuer")


def test_steps_state_why(world: World, upgrade: Upgrade) -> None:
    side, authority = upgrade.side, upgrade.side.authority
    none = (NO_REASON, NO_DOCUMENT)
    with refused(world, "instruction: no reason code"):
        authority.register_release(upgrade.terms, *none, sender=side.upgrader)
    with refused(world, "instruction: no reason code"):
        authority.register_custody_code(DOCUMENT, *none, sender=side.upgrader)
    upgrade.register()
    with refused(world, "instruction: no reason code"):
        authority.withdraw_release(upgrade.id, *none, sender=side.upgrader)
    with refused(world, "instruction: no reason code"):
        authority.give_notice(side.token, upgrade.id, *none, sender=side.upgrader)
    upgrade.notice()
    with refused(world, "instruction: no reason code"):
        authority.approve(side.token, release_terms(upgrade.terms), *none, sender=side.issuer)
    with refused(world, "instruction: no reason code"):
        authority.cancel(side.token, *none, sender=side.guardian)


# ------------------------------------------------------------------------ activation


@pytest.mark.requirement("R-60", "INV-10")
def test_anyone_activates_after_notice_and_consent(upgrade: Upgrade) -> None:
    side, authority = upgrade.side, upgrade.side.authority
    before = (side.token.totalSupply(), side.balance(side.investor), side.token.authorised())
    receipt = upgrade.carry_out()
    proxy = side.chain.at("ReleaseProxy", side.token.address)
    assert receipt.events == (
        authority.emitted("ReleaseActivated", side.token, upgrade.id, FIRST),
        proxy.emitted("Upgraded", upgrade.implementation),
    )
    assert tuple(authority.installation_of(side.token)) == (
        release_kind("SecurityToken"),
        upgrade.id,
        FIRST,
        receipt.timestamp,
    )
    assert tuple(authority.notice_of(side.token)) == (
        bytes(32),
        bytes(32),
        0,
        *[ZERO] * 4,
    )
    assert pointed_at(side) == upgrade.implementation.address.lower()
    assert before == (
        side.token.totalSupply(),
        side.balance(side.investor),
        side.token.authorised(),
    )


@pytest.mark.requirement("INV-10")
def test_an_upgrade_is_followed_by_another(upgrade: Upgrade) -> None:
    upgrade.carry_out()
    side = upgrade.side
    implementation = deploy_implementation(side.chain, "SecurityToken", sender=side.deployer)
    third = replace(upgrade, implementation=implementation, version=Version(1, 2, 0))
    third.carry_out()
    assert pointed_at(side) == implementation.address.lower()


@pytest.mark.requirement("INV-7")
def test_an_upgrade_touches_no_other_proxy(upgrade: Upgrade) -> None:
    side = upgrade.side
    before = side.chain.storage(side.escrow.address, SLOT)
    upgrade.carry_out()
    assert side.chain.storage(side.escrow.address, SLOT) == before


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize(("offset", "over"), [(-1, False), (0, True)])
def test_the_notice_ends_to_the_second(
    world: World, upgrade: Upgrade, offset: int, over: bool
) -> None:
    upgrade.approved()
    upgrade.wait(offset)
    if over:
        upgrade.activate()
    else:
        with refused(world, "release: notice not over"):
            upgrade.activate()


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize(("offset", "counts"), [(-1, True), (0, False)])
def test_a_notice_lapses_to_the_second(
    world: World, upgrade: Upgrade, offset: int, counts: bool
) -> None:
    upgrade.approved()
    upgrade.wait(LAPSE + offset)
    if counts:
        upgrade.activate()
    else:
        with refused(world, "release: notice has lapsed"):
            upgrade.activate()


@pytest.mark.requirement("R-60")
def test_a_lapsed_notice_is_given_anew(upgrade: Upgrade) -> None:
    upgrade.approved()
    upgrade.wait(LAPSE)
    upgrade.notice()
    upgrade.approve()
    upgrade.wait()
    upgrade.activate()
    assert pointed_at(upgrade.side) == upgrade.implementation.address.lower()


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize(
    ("skipped", "reason"),
    [
        ("notice", "release: not noticed"),
        ("issuer", "release: issuer has not approved"),
        ("operator", "release: operator has not approved"),
        ("auditor", "release: auditor has not approved"),
        ("wait", "release: notice not over"),
    ],
)
def test_a_skipped_step_is_refused(
    world: World, upgrade: Upgrade, skipped: str, reason: str
) -> None:
    upgrade.register()
    if skipped != "notice":
        upgrade.notice()
        upgrade.approve(*(role for role in APPROVERS if role != skipped))
        if skipped != "wait":
            upgrade.wait()
    with refused(world, reason):
        upgrade.activate()


@pytest.mark.requirement("R-60")
def test_an_unregistered_release_is_not_noticed(world: World, upgrade: Upgrade) -> None:
    with refused(world, "release: not noticed"):
        upgrade.activate()


def test_activating_nothing_is_refused(world: World) -> None:
    """An empty notice and an empty release are equal, and still no activation."""
    side = world.home
    with refused(world, "release: activate what"):
        side.authority.activate(side.token, bytes(32), b"", sender=side.attacker)


def test_activation_of_code_that_has_changed_is_refused(world: World, upgrade: Upgrade) -> None:
    upgrade.approved()
    upgrade.wait()
    upgrade.side.chain.set_code(upgrade.implementation.address, b"\x00")
    with refused(world, "release: code has changed"):
        upgrade.activate()


def test_an_activation_happens_once(world: World, upgrade: Upgrade) -> None:
    upgrade.carry_out()
    with refused(world, "release: not noticed"):
        upgrade.activate()


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize(
    ("role", "reason"),
    [
        ("upgrader", "release: upgrader lost its role"),
        ("issuer", "release: issuer has not approved"),
        ("operator", "release: operator has not approved"),
        ("auditor", "release: auditor has not approved"),
    ],
)
def test_what_a_revoked_role_said_counts_no_more(
    world: World, upgrade: Upgrade, role: str, reason: str
) -> None:
    upgrade.approved()
    upgrade.wait()
    upgrade.side.give_role(upgrade.side.authority, upgrade.side.parties[role], 0)
    with refused(world, reason):
        upgrade.activate()


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize(
    ("role", "bit", "reason"),
    [
        ("upgrader", 128, "release: upgrader lost its role"),
        ("issuer", 2, "release: issuer has not approved"),
        ("operator", 32, "release: operator has not approved"),
        ("auditor", 512, "release: auditor has not approved"),
    ],
)
def test_what_a_role_said_stays_dead_when_the_role_returns(
    world: World, upgrade: Upgrade, role: str, bit: int, reason: str
) -> None:
    side = upgrade.side
    authority, account = side.authority, side.parties[role]
    upgrade.approved()
    noticed = authority.notice_of(side.token).noticed_at
    assert getattr(authority.notice_of(side.token), role) == account.address
    for change in (0, bit):
        side.give_role(authority, account, change)
        assert getattr(authority.notice_of(side.token), role) == ZERO
    side.chain.set_time(max(noticed + PERIOD, side.chain.now))
    with refused(world, reason):
        upgrade.activate()
    if role != "upgrader":
        # Said again in the new term, it counts.
        upgrade.approve()
        upgrade.activate()
        assert authority.installation_of(side.token).release == upgrade.id


# ------------------------------------------------------------------------- migration


@pytest.fixture
def migrating(home_side: Side) -> Upgrade:
    """A release of the mock that sets a value when it is activated."""
    # Proxies log by an ABI of their own, which nothing else here needs.
    home_side.chain.at("ReleaseProxy", home_side.deployer.address)
    implementation = home_side.chain.deploy("ImplementationMock", sender=home_side.deployer)
    return Upgrade(home_side, implementation, migration=implementation.set_value.encode(42))


def test_a_migration_is_the_one_registered(migrating: Upgrade) -> None:
    side = migrating.side
    receipt = migrating.carry_out()
    bound = side.chain.at("ImplementationMock", side.token.address)
    assert [event.name for event in receipt.events] == ["ReleaseActivated", "Upgraded", "Called"]
    assert receipt.events[-1] == bound.emitted("Called", side.authority, 0)
    assert bound.value() == 42


@pytest.mark.parametrize(
    ("migration", "reason"),
    [
        (b"", "release: migration missing"),
        (b"\x01\x02\x03\x04", "release: other migration"),
        (bytes(36), "release: other migration"),
        (b"\x01", "release: migration is no call"),
        (bytes(3), "release: migration is no call"),
        (bytes(5), "release: migration is no call"),
        (bytes(32), "release: migration is no call"),
        (bytes(35), "release: migration is no call"),
        (bytes(64), "release: migration is no call"),
    ],
)
def test_another_migration_is_refused(
    world: World, migrating: Upgrade, migration: bytes, reason: str
) -> None:
    migrating.approved()
    migrating.wait()
    with refused(world, reason):
        migrating.activate(migration)


def test_a_migration_where_none_is_registered_is_refused(world: World, upgrade: Upgrade) -> None:
    upgrade.approved()
    upgrade.wait()
    with refused(world, "release: other migration"):
        upgrade.activate(b"\x01\x02\x03\x04")


def test_a_failing_migration_undoes_the_activation(world: World, migrating: Upgrade) -> None:
    failing = replace(
        migrating, migration=migrating.implementation.initialize_refused.encode(b"no")
    )
    failing.approved()
    failing.wait()
    with refused(world, data=b"no"):
        failing.activate()


@pytest.mark.requirement("R-60")
def test_a_migration_does_not_point_the_proxy_elsewhere(world: World, upgrade: Upgrade) -> None:
    """The proxy takes 32 bytes from its authority for an upgrade."""
    side = upgrade.side
    unregistered = side.chain.deploy("ImplementationMock", sender=side.attacker)
    word = bytes.fromhex(unregistered.address[2:]).rjust(32, b"\0")
    crafted = replace(upgrade, migration=word)
    crafted.approved()
    crafted.wait()
    with refused(world, "release: migration is no call"):
        crafted.activate()
    assert pointed_at(side) != unregistered.address.lower()


# ------------------------------------------------------------------ cancel, roll back


@pytest.mark.parametrize("role", ["guardian", "upgrader"])
def test_a_notice_is_cancelled(world: World, upgrade: Upgrade, role: str) -> None:
    side, account = upgrade.side, upgrade.side.parties[role]
    upgrade.approved()
    upgrade.wait()
    receipt = side.authority.cancel(side.token, *STATED, sender=account)
    assert receipt.events == (
        side.act(side.authority, CANCEL, side.token, account),
        side.authority.emitted("ActivationCancelled", side.token, upgrade.id),
    )
    with refused(world, "release: not noticed"):
        upgrade.activate()


def test_nothing_is_cancelled_that_was_not_noticed(world: World) -> None:
    side = world.home
    with refused(world, "release: nothing to cancel"):
        side.authority.cancel(side.token, *STATED, sender=side.guardian)


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize(("offset", "open_"), [(-1, True), (0, False)])
def test_a_rollback_within_its_window(
    world: World, upgrade: Upgrade, offset: int, open_: bool
) -> None:
    side, authority = upgrade.side, upgrade.side.authority
    activated = upgrade.carry_out().timestamp
    side.chain.set_time(activated + WINDOW + offset)
    if not open_:
        with refused(world, "release: window closed"):
            authority.roll_back(side.token, False, *ALONE, sender=side.guardian)
        return
    receipt = authority.roll_back(side.token, False, *ALONE, sender=side.guardian)
    proxy = side.chain.at("ReleaseProxy", side.token.address)
    assert receipt.events == (
        side.act(authority, ROLL_BACK, side.token, side.guardian, ALONE),
        authority.emitted("ReleaseRolledBack", side.token, FIRST, upgrade.id),
        proxy.emitted("Upgraded", side.implementations["SecurityToken"]),
    )
    assert pointed_at(side) == side.implementations["SecurityToken"].lower()


def test_the_first_release_has_nothing_before_it(world: World) -> None:
    side = world.home
    with refused(world, "release: nothing to roll back to"):
        side.authority.roll_back(side.token, False, *ALONE, sender=side.guardian)


def test_a_rollback_is_not_rolled_back(world: World, upgrade: Upgrade) -> None:
    upgrade.carry_out()
    side = upgrade.side
    side.authority.roll_back(side.token, False, *ALONE, sender=side.guardian)
    with refused(world, "release: nothing to roll back to"):
        side.authority.roll_back(side.token, False, *ALONE, sender=side.guardian)


def test_an_unknown_proxy_is_not_rolled_back(world: World) -> None:
    side = world.home
    with refused(world, "release: unknown proxy"):
        side.authority.roll_back(side.custody, False, *ALONE, sender=side.guardian)


def test_a_rollback_to_code_that_has_changed_is_refused(world: World, upgrade: Upgrade) -> None:
    upgrade.carry_out()
    side = upgrade.side
    side.chain.set_code(side.implementations["SecurityToken"], b"\x00")
    with refused(world, "release: code has changed"):
        side.authority.roll_back(side.token, False, *ALONE, sender=side.guardian)


def test_a_rollback_states_why(world: World, upgrade: Upgrade) -> None:
    upgrade.carry_out()
    side = upgrade.side
    with refused(world, "instruction: no reason code"):
        side.authority.roll_back(side.token, False, NO_REASON, NO_DOCUMENT, sender=side.guardian)


@pytest.mark.requirement("R-60")
def test_after_a_rollback_every_step_is_taken_anew(world: World, upgrade: Upgrade) -> None:
    upgrade.carry_out()
    side = upgrade.side
    side.authority.roll_back(side.token, False, *ALONE, sender=side.guardian)
    with refused(world, "release: not noticed"):
        upgrade.activate()
    upgrade.notice()
    upgrade.approve()
    upgrade.wait()
    upgrade.activate()
    assert pointed_at(side) == upgrade.implementation.address.lower()


@pytest.mark.requirement("R-60")
def test_a_rollback_leaves_a_pending_notice_and_its_consents(upgrade: Upgrade) -> None:
    """What mends the trouble, noticed before it was seen, waits no second time."""
    upgrade.carry_out()
    side = upgrade.side
    implementation = deploy_implementation(side.chain, "SecurityToken", sender=side.deployer)
    third = replace(upgrade, implementation=implementation, version=Version(1, 2, 0))
    third.approved()
    noticed = side.authority.notice_of(side.token)
    side.authority.roll_back(side.token, False, *ALONE, sender=side.guardian)
    assert side.authority.notice_of(side.token) == noticed
    third.wait()
    third.activate()
    installed = side.authority.installation_of(side.token)
    assert (installed.release, installed.previous) == (third.id, FIRST)


@pytest.mark.requirement("R-60")
def test_the_guardian_cancels_a_notice_that_a_rollback_left(world: World, upgrade: Upgrade) -> None:
    upgrade.carry_out()
    side = upgrade.side
    third = replace(upgrade, version=Version(1, 2, 0))
    third.approved()
    side.authority.roll_back(side.token, False, *ALONE, sender=side.guardian)
    side.authority.cancel(side.token, *STATED, sender=side.guardian)
    third_noticed = side.chain.now
    side.chain.set_time(third_noticed + PERIOD)
    with refused(world, "release: not noticed"):
        third.activate()


@pytest.mark.requirement("INV-9")
def test_hand_over_ends_the_set_up(home_side: Side) -> None:
    authority = fresh_authority(home_side)
    for account in (home_side.administrator, home_side.second_administrator):
        authority.assign_role(account, 1, *STATED, sender=home_side.deployer)
    receipt = authority.hand_over(*STATED, sender=home_side.deployer)
    deployer = home_side.deployer
    assert receipt.events == (
        home_side.act(authority, HAND_OVER, deployer, deployer),
        authority.emitted("SetUpCompleted", deployer),
    )


# -------------------------------------------------------------------- code of custodies


def code_of(side: Side, contract: Any) -> bytes:
    """Hash of the code of a contract with two immutables, without them."""
    return keccak(side.chain.code(contract.address)[:-64])


def custody_with(code: bytes, *immutables: Any) -> bytes:
    """Code and immutables as they stand on a ledger."""
    words = (bytes.fromhex(str(address)[2:]).rjust(32, b"\0") for address in immutables)
    return code + b"".join(words)


@pytest.mark.requirement("INV-7")
def test_the_suites_custodies_are_of_known_code(world: World) -> None:
    for side in (world.home, world.remote):
        assert side.authority.is_custody(side.custody, side.token) is True
        assert code_of(side, side.custody) == artifact("LaneCustody").code_hash


def test_an_escrow_is_found_under_its_name(home_side: Side) -> None:
    name = proxy_name("BridgeEscrow")
    assert home_side.authority.proxy_at(name) == home_side.escrow.address


def test_upgrader_registers_and_withdraws_code(home_side: Side) -> None:
    side, authority = home_side, home_side.authority
    receipt = authority.register_custody_code(DOCUMENT, *STATED, sender=side.upgrader)
    assert receipt.events == (
        side.act(authority, REGISTER_CODE, ZERO, side.upgrader),
        authority.emitted("CustodyCodeRegistered", DOCUMENT),
    )
    assert authority.custody_code(DOCUMENT) is True
    receipt = authority.withdraw_custody_code(DOCUMENT, *STATED, sender=side.upgrader)
    assert receipt.events == (
        side.act(authority, WITHDRAW_CODE, ZERO, side.upgrader),
        authority.emitted("CustodyCodeWithdrawn", DOCUMENT),
    )
    assert authority.custody_code(DOCUMENT) is False


def test_code_is_registered_once_and_withdrawn_once(world: World) -> None:
    side, authority = world.home, world.home.authority
    with refused(world, "release: no custody code hash"):
        authority.register_custody_code(bytes(32), *STATED, sender=side.upgrader)
    with refused(world, "release: custody code unknown"):
        authority.withdraw_custody_code(DOCUMENT, *STATED, sender=side.upgrader)
    authority.register_custody_code(DOCUMENT, *STATED, sender=side.upgrader)
    with refused(world, "release: custody code known"):
        authority.register_custody_code(DOCUMENT, *STATED, sender=side.upgrader)
    with refused(world, "instruction: no reason code"):
        authority.withdraw_custody_code(DOCUMENT, NO_REASON, NO_DOCUMENT, sender=side.upgrader)


def test_withdrawn_code_is_no_custody(home_side: Side) -> None:
    side = home_side
    side.authority.withdraw_custody_code(
        artifact("LaneCustody").code_hash, *STATED, sender=side.upgrader
    )
    assert side.authority.is_custody(side.custody, side.token) is False


@pytest.mark.parametrize("name", ["attacker", "nobody", "token", "escrow", "verifier", "authority"])
def test_what_is_no_custody(home_side: Side, name: str) -> None:
    account = ZERO if name == "nobody" else getattr(home_side, name)
    assert home_side.authority.is_custody(account, home_side.token) is False


def test_custody_of_other_code_is_none(home_side: Side) -> None:
    """It says the right escrow and the right token, and is not asked."""
    side = home_side
    mock = side.chain.deploy("LaneCustodyMock", side.escrow, side.token, sender=side.attacker)
    assert side.authority.is_custody(mock, side.token) is False
    side.authority.register_custody_code(
        artifact("LaneCustodyMock").code_hash, *STATED, sender=side.upgrader
    )
    assert side.authority.is_custody(mock, side.token) is True


def test_custody_of_another_escrow_is_none(home_side: Side) -> None:
    side = home_side
    other = side.chain.deploy("LaneCustody", side.fresh_escrow(), side.token, sender=side.deployer)
    assert side.authority.is_custody(other, side.token) is False


def test_custody_of_another_token_is_none(home_side: Side) -> None:
    side = home_side
    token = side.fresh_token()
    other = side.chain.deploy("LaneCustody", side.escrow, token, sender=side.deployer)
    assert side.authority.is_custody(other, side.token) is False
    assert side.authority.is_custody(other, token) is True
    assert side.authority.is_custody(side.custody, token) is False


def test_nothing_is_custody_before_there_is_an_escrow(home_side: Side) -> None:
    side = home_side
    authority = fresh_authority(side)
    runtime = artifact("LaneCustody").bytecode_runtime
    authority.register_custody_code(keccak(runtime), *STATED, sender=side.deployer)
    side.chain.set_code(side.attacker.address, custody_with(runtime, ZERO, side.token.address))
    assert authority.is_custody(side.attacker, side.token) is False


def test_an_account_that_delegates_to_custody_is_none(home_side: Side) -> None:
    side = home_side
    side.chain.set_code(side.attacker.address, bytes.fromhex("ef0100" + side.custody.address[2:]))
    assert side.authority.is_custody(side.attacker, side.token) is False


@pytest.mark.parametrize("at", [0, 31, 32, 600, -65, -64, -53, -52, -33, -32, -21, -20, -1])
def test_one_other_byte_and_it_is_no_custody(home_side: Side, at: int) -> None:
    side = home_side
    code = bytearray(side.chain.code(side.custody.address))
    code[at] ^= 1
    side.chain.set_code(side.attacker.address, bytes(code))
    assert side.authority.is_custody(side.attacker, side.token) is False


@pytest.mark.parametrize(
    ("length", "known"),
    [
        (0, False),
        (1, True),
        (31, True),
        (32, True),
        (33, True),
        (63, True),
        (5_055, True),
        (5_056, True),
        (5_057, False),
        (24_512, False),
    ],
)
def test_code_of_any_length_up_to_the_bound(home_side: Side, length: int, known: bool) -> None:
    side = home_side
    code = bytes(index % 251 for index in range(length))
    side.authority.register_custody_code(keccak(code), *STATED, sender=side.upgrader)
    whole = custody_with(code, side.escrow.address, side.token.address)
    side.chain.set_code(side.attacker.address, whole)
    assert side.authority.is_custody(side.attacker, side.token) is known
