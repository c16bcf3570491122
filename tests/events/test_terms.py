"""Terms of payment: two keys, once; cash of local ledgers; what accounts have proven of tax."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tallystick.errors import InputError
from tallystick.events.acts import Step
from tallystick.events.terms import Terms
from tallystick.files.pay_terms import LOCAL, OTHER_BRIDGES, TEST, load_pay_terms
from tallystick.token.position import AccountClass
from tests.support.world import Side, World

_USD = b"USD\0"


def _place(side: Side, **changed: Any) -> dict[str, Any]:
    accounts = {"tax_account": side.auditor.address, "return_account": side.issuer.address}
    return {"cash": side.cash.address, **accounts, **changed}


def _terms(world: World, folder: Path, ledgers: dict[str, Any], **how: Any) -> Terms:
    data = {
        "schema": "tallystick.pay-terms/1",
        "currency": "USD",
        "cash_decimals": how.pop("cash_decimals", 6),
        "rates": ["0.3", "0.15"],
        "document": "0x" + "ab" * 32,
        "ledgers": ledgers,
    }
    path = folder / "terms.yaml"
    path.write_text(json.dumps(data))
    connection = how.pop("connection", world.network.connection)
    return Terms(connection, load_pay_terms(path), path, **how)


def _states(steps: Any) -> list[tuple[str, str, str]]:
    found: list[Step] = list(steps)
    return [(step.ledger, step.act, step.state) for step in found]


def test_both_keys_set_terms_once(world: World, tmp_path: Path) -> None:
    terms = _terms(world, tmp_path, {"home": _place(world.home), "remote": _place(world.remote)})
    terms.check()
    assert _states(terms.set()) == [
        (ledger, act, "executed")
        for ledger in ("home", "remote")
        for act in ("propose_pay_terms", "set_pay_terms")
    ]
    number, kept = world.home.engine.terms_for(_USD)
    assert (number, kept.cash, kept.rates[:3]) == (
        1,
        world.home.cash.address,
        [3 | 10 << 48, 3 | 20 << 48, 0],
    )
    before = world.storage()
    assert _states(terms.set()) == [
        ("home", "set_pay_terms", "done"),
        ("remote", "set_pay_terms", "done"),
    ]
    assert world.storage() == before


def test_a_dry_run_sets_nothing(world: World, tmp_path: Path) -> None:
    ledgers = {"home": _place(world.home), "remote": _place(world.remote, cash=LOCAL)}
    before = world.storage()
    steps = _states(_terms(world, tmp_path, ledgers, execute=False).set())
    assert {state for *_, state in steps} == {"pending"}
    assert ("remote", "deploy", "pending") in steps
    assert world.storage() == before


def test_each_key_does_its_own(world: World, tmp_path: Path) -> None:
    side, ledgers = world.home, {"home": _place(world.home)}
    agent = _terms(world, tmp_path, ledgers, account=side.paying_agent)
    first = list(agent.set())
    assert [(step.act, step.state) for step in first] == [
        ("propose_pay_terms", "executed"),
        ("set_pay_terms", "waiting"),
    ]
    why = f"the issuer's key, {side.issuer.address}: run the same with it"
    assert first[1].detail.endswith(why)
    assert side.engine.terms_for(_USD)[0] == 0
    assert [step.state for step in agent.set()] == ["done", "waiting"]
    issuer = _terms(world, tmp_path, ledgers, account=side.issuer)
    assert [(step.act, step.state) for step in issuer.set()] == [
        ("propose_pay_terms", "done"),
        ("set_pay_terms", "executed"),
    ]


def test_without_keys_both_are_waited_for(world: World, tmp_path: Path) -> None:
    connection = replace(world.network.connection, mnemonic=None)
    terms = _terms(
        world,
        tmp_path,
        {"home": _place(world.home)},
        connection=connection,
        account=world.home.courier,
    )
    assert [step.state for step in terms.set()] == ["waiting", "waiting"]


def test_cash_of_a_local_ledger_is_made_once(world: World, tmp_path: Path) -> None:
    terms = _terms(world, tmp_path, {"home": _place(world.home, cash=LOCAL)})
    terms.check()
    assert [step.act for step in terms.set()] == ["deploy", "propose_pay_terms", "set_pay_terms"]
    cash = world.home.engine.terms_for(_USD)[1].cash
    token = world.home.chain.at("CashToken", cash)
    assert (token.issuer(), token.decimals()) == (world.home.paying_agent.address, 6)
    assert [step.state for step in terms.set()] == ["done"]
    assert world.home.engine.terms_for(_USD)[1].cash == cash


def test_cash_of_a_test_network_is_made_where_the_terms_say_so(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their own word, `test`, on a ledger that is not local, too."""
    terms = _terms(world, tmp_path, {"home": _place(world.home, cash=TEST)})
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(world.home.chain, "is_local", False)
        terms.check()
    assert [step.act for step in terms.set()] == ["deploy", "propose_pay_terms", "set_pay_terms"]
    token = world.home.chain.at("CashToken", world.home.engine.terms_for(_USD)[1].cash)
    assert (token.name(), token.issuer()) == ("Test USD", world.home.paying_agent.address)
    assert [step.state for step in terms.set()] == ["done"]


@pytest.mark.parametrize("done", [1, 2])
def test_a_run_that_ends_early_leaves_no_cash_behind(
    world: World, tmp_path: Path, done: int
) -> None:
    ledgers = {"home": _place(world.home, cash=LOCAL)}
    steps = _terms(world, tmp_path, ledgers).set()
    first = [next(steps) for _ in range(done)]
    assert first[0].act == "deploy"
    # Whatever else that key made is none of it.
    world.home.chain.deploy(
        "CashToken",
        "Other",
        "TEUR",
        6,
        b"EUR",
        world.home.paying_agent,
        sender=world.home.paying_agent,
    )
    world.home.cash.approve(world.home.engine, 1, sender=world.home.paying_agent)
    again = _states(_terms(world, tmp_path, ledgers).set())
    assert [act for _, act, _ in again] == ["propose_pay_terms", "set_pay_terms"]
    assert first[0].detail == f"CashToken {world.home.engine.terms_for(_USD)[1].cash}"


def test_only_the_paying_agent_makes_cash(world: World, tmp_path: Path) -> None:
    side, before = world.home, world.storage()
    ledgers = {"home": _place(side, cash=LOCAL)}
    (step,) = _terms(world, tmp_path, ledgers, account=side.issuer).set()
    assert (step.act, step.state) == ("deploy", "waiting")
    assert side.paying_agent.address in step.detail
    assert world.storage() == before


def test_what_accounts_proved_is_entered_once(world: World, tmp_path: Path) -> None:
    side = world.home
    proven = {
        "category": 1,
        "document": "0x" + "cd" * 32,
        "accounts": [side.buyer.address, side.investor.address],
    }
    terms = _terms(world, tmp_path, {"home": _place(side, categories=[proven])})
    assert [step.act for step in terms.set()][-1] == "set_tax_category"
    assert side.engine.payee_of(side.buyer) == (side.buyer.address, 1)
    assert [step.state for step in terms.set()] == ["done", "done"]


def test_two_keys_name_who_is_paid_for_pools_and_other_bridges(
    world: World, tmp_path: Path
) -> None:
    side, payee = world.home, world.home.auditor.address
    side.set_class(side.fund, AccountClass.POOL)
    payees = {side.fund.address.lower(): payee, OTHER_BRIDGES: payee}
    ledgers = {"home": _place(side, payees=payees)}
    list(_terms(world, tmp_path, {"home": _place(side)}).set())
    before = world.storage()
    dry = _terms(world, tmp_path, ledgers, execute=False)
    dry.check()
    done, named = ("home", "set_pay_terms", "done"), ("propose_pool_payee", "set_pool_payee")
    assert _states(dry.set()) == [done, *(("home", act, "pending") for act in named * 2)]
    assert world.storage() == before
    agent = _terms(world, tmp_path, ledgers, account=side.paying_agent)
    assert _states(agent.set()) == [
        done,
        *[("home", named[0], "executed"), ("home", named[1], "waiting")] * 2,
    ]
    assert int(side.engine.pool_payee(side.fund), 16) == 0
    issuer = _terms(world, tmp_path, ledgers, account=side.issuer)
    steps = list(issuer.set())
    assert _states(steps) == [
        done,
        *[("home", named[0], "done"), ("home", named[1], "executed")] * 2,
    ]
    assert [step.detail for step in steps][2::2] == [
        f"{pool}: paid to {payee}" for pool in (side.fund.address, OTHER_BRIDGES)
    ]
    for pool in (side.fund, side.token):
        assert side.engine.pool_payee(pool) == payee
    before = world.storage()
    assert _states(issuer.set()) == [done, *[("home", "set_pool_payee", "done")] * 2]
    assert world.storage() == before


def test_who_was_a_pool_at_a_close_may_have_a_payee(world: World, tmp_path: Path) -> None:
    side = world.home
    for kind in (AccountClass.POOL, AccountClass.HOLDER):
        side.set_class(side.fund, kind)
    payees = {side.fund.address: side.auditor.address}
    _terms(world, tmp_path, {"home": _place(side, payees=payees)}).check()


def test_what_the_ledgers_contradict_is_refused(world: World, tmp_path: Path) -> None:
    home, holder = _place(world.home), world.home.investor.address
    for ledgers, how, line in (
        (
            {"home": {**home, "payees": {holder: holder}}},
            {},
            f"ledgers.home.payees.{holder}: {holder}: expected an account that is or was a pool of",
        ),
        (
            {"remote": _place(world.remote, payees={OTHER_BRIDGES: holder})},
            {},
            "ledgers.remote.payees.other-bridges: other-bridges: expected that at home alone, home",
        ),
        ({"moon": home}, {}, "ledgers.moon: moon: expected one of the ledgers: home, remote"),
        ({"home": home}, {"cash_decimals": 2}, "cash_decimals: 2: expected 6, as the cash token"),
        (
            {"home": {**home, "cash": world.home.investor.address}},
            {},
            f"ledgers.home.cash: {world.home.investor.address}: expected a cash token (ERC-20",
        ),
    ):
        terms = _terms(world, tmp_path, ledgers, **how)
        with pytest.raises(InputError) as caught:
            terms.check()
        assert str(caught.value).startswith(f"{tmp_path / 'terms.yaml'}: {line}")


def test_local_cash_is_for_local_ledgers(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = _terms(world, tmp_path, {"home": _place(world.home, cash=LOCAL)})
    monkeypatch.setattr(world.home.chain, "is_local", False)
    with pytest.raises(InputError, match="a cash token, or test: home is not local"):
        terms.check()
