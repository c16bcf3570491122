"""A remote ledger that died, for tests: two registrars at home, last states, lists, payments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tallystick.bridge.attestation import attest
from tallystick.bridge.batch import BATCH_ATTESTATION_TYPE
from tallystick.bridge.endings import NOTICE, EndList, LastState
from tallystick.chain import Account, Receipt
from tallystick.governance.roles import Role
from tests.support.world import STATED, World, domain_of

# The hash of the dead ledger's last block: any.
BLOCK_HASH = b"\x77" * 32


def second_registrar(world: World) -> Account:
    """Another registrar of the token at home; its clock is a day later after the first call."""
    account = world.home.chain.account(33)
    if world.home.token.role_of(account) != Role.REGISTRAR:
        world.home.give_role(world.home.token, account, Role.REGISTRAR)
    return account


def listed(world: World, *shares: tuple[Any, int], number: int = 0) -> EndList:
    """A list of accounts at home and base units."""
    named = [(str(getattr(who, "address", who)), units) for who, units in shares]
    return EndList.of(world.lane, number, named)


def last_state(world: World, end: EndList, **changed: Any) -> LastState:
    """The remote ledger's last state, with a list; true unless changed. Both clocks move on."""
    world.synchronise()
    chain = world.remote.chain
    epoch = int(world.remote.token.action_epoch())
    state = LastState(
        end.lane, end.number, 12_345, BLOCK_HASH, int(chain.now), epoch, end.root, end.total
    )
    return replace(state, **changed)


def attested_by_each(world: World, state: LastState) -> tuple[bytes, ...]:
    """What enough attestors of each of the lane's newest verifiers at home sign of it."""
    suite = world.network.suite("home")
    return world.network._by_each(suite, state.attested, BATCH_ATTESTATION_TYPE)


def attested(world: World, state: LastState, count: int = 2, epoch: int = 1) -> bytes:
    """What attestors of the lane at home sign of a last state."""
    signers = replace(world.signers, epoch=epoch)
    keys = world.signer_keys[:count]
    return attest(state.attested, signers, domain_of(world.home), keys, BATCH_ATTESTATION_TYPE)


def propose(world: World, state: LastState, *proofs: bytes, key: Any = None) -> Receipt:
    """A registrar states it, attested unless attestations are given."""
    proof, second = (*(proofs or (attested(world, state),)), b"")[:2]
    return Receipt.of(
        world.home.escrow.propose_end(
            state.lane, state.as_tuple(), proof, second, *STATED, sender=key or world.home.registrar
        )
    )


def confirm(world: World, state: LastState, key: Any = None) -> Receipt:
    """The other registrar confirms it."""
    return Receipt.of(
        world.home.escrow.confirm_end(
            state.lane, state.id, *STATED, sender=key or second_registrar(world)
        )
    )


def under_way(world: World, end: EndList, **changed: Any) -> LastState:
    """An end that two registrars stated, whose notice runs."""
    state = last_state(world, end, **changed)
    propose(world, state)
    confirm(world, state)
    return state


def wait(world: World) -> None:
    """Both clocks show that a notice which began by now is over."""
    moment = world.home.chain.now + NOTICE
    for side in (world.home, world.remote):
        side.chain.set_time(max(side.chain.now, moment))


def apply(world: World) -> Receipt:
    """Anybody puts in force what is under way."""
    return Receipt.of(world.home.escrow.apply_end(world.lane, sender=world.home.outsider))


def ended(world: World, end: EndList, **changed: Any) -> LastState:
    """A list in force, its notice over."""
    state = under_way(world, end, **changed)
    wait(world)
    apply(world)
    return state


def pay(world: World, end: EndList, at: int, **changed: Any) -> Receipt:
    """Anybody has a leaf paid; as the list has it unless changed."""
    leaf = end.leaves[at]
    called = {
        "lane": leaf.lane,
        "list": leaf.list,
        "index": leaf.index,
        "account": leaf.account,
        "amount": leaf.amount,
        "proof": end.proof(at),
        **changed,
    }
    return Receipt.of(world.home.escrow.pay_listed(*called.values(), sender=world.home.outsider))


def owed(world: World) -> Sequence[int]:
    """Base units outstanding at home, and in its custody beside what is in suspense."""
    state = world.lane_state(world.home)
    held = world.home.balance(world.home.custody) - state.suspense
    return int(state.outstanding), held
