"""Copies of the contracts that lack a check: an attack on one shows what the check is for.

`weakened` compiles one copy over edited sources. Compiling an escrow takes seconds, and incidents
are many: so the suite is compiled once more with a switch in front of each assertion, and `lacking`
throws the switches of some. Switches are constants of the code (`block.timestamp >` a number that no
clock reaches; 0 throws it), so that nothing is stored and the layout stays.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from eth_utils.crypto import keccak

from tallystick import build
from tallystick.chain.abi import address_of
from tests.support.world import ROOT, Side, World

__all__ = ["lacking", "strip", "weakened"]

_FOLDER: Final = ROOT / ".build" / "switches"
# An assertion with its reason; of one that calls out for good the call stays, whatever it answers.
_ASSERTION: Final = re.compile(r'assert ((?:(?!assert |"""|extcall).)*?),\s*"(\w+: [^"]+)"', re.S)
# What was wrong elsewhere and is no assertion here: its name -> file, text that stands there once,
# and what stands there instead, `{on}` where it is switched.
OTHERWISE: Final[Mapping[str, tuple[str, str, str]]] = {
    "the caller names the verifier": (
        "bridge/transit.vy",
        "IVerifier(convert(epoch >> 96, address)).verify(",
        "IVerifier(\n"
        "        convert(convert(extract32(attestation, 0), uint256) & (2**160 - 1), address)\n"
        "        if {on}\n"
        "        else convert(epoch >> 96, address)\n"
        "    ).verify(",
    ),
    "the chain's id is remembered": (
        "bridge/message.vy",
        "keccak256(DOMAIN_VERSION), chain.id, self",
        "keccak256(DOMAIN_VERSION), 41_002 if {on} else chain.id, self",
    ),
    "a message calls its recipient": (
        "bridge/transit.vy",
        "    credited: bool = self._credit(m.lane, terms, recipient, m.amount)\n",
        "    if {on} and recipient.is_contract:\n"
        "        answer: Bytes[32] = raw_call(\n"
        "            recipient,\n"
        "            concat(\n"
        "                slice(m.sender, 0, 4),\n"
        "                abi_encode(convert(m.sender, uint256) & (2**160 - 1), m.amount),\n"
        "            ),\n"
        "            max_outsize=32,\n"
        "        )\n"
        "    credited: bool = self._credit(m.lane, terms, recipient, m.amount)\n",
    ),
    "what is claimed stays": (
        "bridge/transit.vy",
        "    recipient: address = message._address(m.recipient)\n    self.suspended[id] = 0\n",
        "    recipient: address = message._address(m.recipient)\n"
        "    self.suspended[id] = amount if {on} else 0\n",
    ),
    "what was never proven is claimed": (
        "bridge/transit.vy",
        '    assert amount != 0, "transit: nothing in suspense"\n',
        "    if {on}:\n"
        "        amount = m.amount\n"
        '    assert amount != 0, "transit: nothing in suspense"\n',
    ),
    "a batch is looked through before": (
        "bridge/transit.vy",
        "if not lanes._has_arrived(lane, convert(messages[i].nonce, uint256)):",
        "if {on} or not lanes._has_arrived(lane, convert(messages[i].nonce, uint256)):",
    ),
    "calls go where their data says": (
        "bridge/BridgeEscrow.vy",
        "    return raw_call(CONTROLS, msg.data,",
        "    if {on}:\n"
        "        return raw_call(\n"
        "            convert(convert(slice(msg.data, 0, 32), uint256), address),\n"
        "            slice(msg.data, 32, 100),\n"
        "            max_outsize=_MAX_RETURN,\n"
        "        )\n"
        "    return raw_call(CONTROLS, msg.data,",
    ),
    "an amount's upper bits are not signed": (
        "bridge/message.vy",
        "    return keccak256(abi_encode(_MESSAGE_TYPEHASH, message))\n",
        "    m: Message = message\n"
        "    if {on}:\n"
        "        m.amount = m.amount & (2**32 - 1)\n"
        "    return keccak256(abi_encode(_MESSAGE_TYPEHASH, m))\n",
    ),
    # Of the text that the switch before leaves.
    "a message's fields are run together": (
        "bridge/message.vy",
        "    return keccak256(abi_encode(_MESSAGE_TYPEHASH, m))\n",
        "    if {on}:\n"
        "        return keccak256(\n"
        "            concat(\n"
        "                keccak256(concat(uint2str(m.amount), uint2str(convert(m.nonce, uint256)))),\n"
        "                m.sender,\n"
        "                m.recipient,\n"
        "            )\n"
        "        )\n"
        "    return keccak256(abi_encode(_MESSAGE_TYPEHASH, m))\n",
    ),
    "a failed transfer is a deposit": (
        "bridge/LaneCustody.vy",
        "    assert extcall _TOKEN.transferFrom(holder, self, amount)",
        "    if {on}:\n"
        "        success: bool = raw_call(\n"
        "            _TOKEN.address,\n"
        "            abi_encode(\n"
        "                holder,\n"
        "                self,\n"
        "                amount,\n"
        '                method_id=method_id("transferFrom(address,address,uint256)"),\n'
        "            ),\n"
        "            revert_on_failure=False,\n"
        "        )\n"
        "        return id\n"
        "    assert extcall _TOKEN.transferFrom(holder, self, amount)",
    ),
    "units of the caller are there already": (
        "bridge/LaneCustody.vy",
        "    id: bytes32 = extcall _ESCROW.enter_lock(lane, holder, recipient, amount, deadline)\n",
        "    id: bytes32 = extcall _ESCROW.enter_lock(lane, holder, recipient, amount, deadline)\n"
        "    if {on}:\n"
        "        return id\n",
    ),
    "the payload says whose units": (
        "bridge/LaneCustody.vy",
        "    return self._lock(msg.sender, lane, recipient, amount, deadline)\n",
        "    holder: address = msg.sender\n"
        "    if {on}:\n"
        "        holder = convert(convert(recipient, uint256), address)\n"
        "    return self._lock(holder, lane, recipient, amount, deadline)\n",
    ),
    "what is taken is what is there": (
        "bridge/LaneCustody.vy",
        "_TOKEN.transferFrom(holder, self, amount)",
        "_TOKEN.transferFrom(\n"
        "        holder, self, min(amount, staticcall _TOKEN.balanceOf(holder)) if {on} else amount\n"
        "    )",
    ),
    "a call that came back was a signature": (
        "governance/signed.vy",
        "    if signer.is_contract:\n",
        "    if {on} and signer.is_contract:\n"
        "        return raw_call(\n"
        "            signer,\n"
        "            abi_encode(\n"
        "                digest,\n"
        "                signature,\n"
        '                method_id=method_id("isValidSignature(bytes32,bytes)"),\n'
        "            ),\n"
        "            is_static_call=True,\n"
        "            revert_on_failure=False,\n"
        "        )\n"
        "    if signer.is_contract:\n",
    ),
    "anybody upgrades": (
        "governance/ReleaseProxy.vy",
        "if msg.sender == _AUTHORITY and ",
        "if ({on} or msg.sender == _AUTHORITY) and ",
    ),
    "whoever is credited on arrival": (
        "token/issuance.vy",
        "            issue = unsafe_add(issue, amount << position.UPPER_SHIFT)\n"
        "    word: uint256 = book._word(receiver, issue, amount)\n"
        "    if not controls._may_move(word, receiver):\n",
        "            issue = unsafe_add(issue, amount << position.UPPER_SHIFT)\n"
        "    word: uint256 = book._word(receiver, issue, amount)\n"
        "    if not ({on} or controls._may_move(word, receiver)):\n",
    ),
    "any account's storage is the escrow's": (
        "bridge/ProofVerifier.vy",
        "slice(convert(SOURCE_ESCROW, bytes32), 12, 20)",
        "slice(convert(msg.sender if {on} else SOURCE_ESCROW, bytes32), 12, 20)",
    ),
}


def _switch(name: str) -> int:
    """The number that stands for a switch: as large as eight bytes are, and nothing else's."""
    return int.from_bytes(b"\xf5" + keccak(text=name)[:7], "big")


def _expression(name: str) -> str:
    return f"(block.timestamp > {_switch(name)})"


def switched(path: str, text: str) -> str:
    """The text of a contract's file with switches.

    Args:
        path: the file, below contracts/.
        text: what it says.
    """

    def with_switch(found: re.Match[str]) -> str:
        condition, reason = found.groups()
        return f'assert {_expression(reason)} or ({condition}), "{reason}"'

    changed = text
    for name, (file, old, new) in OTHERWISE.items():
        if file == path:
            assert changed.count(old) == 1, f"{file}: {old!r} once expected"
            changed = changed.replace(old, new.replace("{on}", _expression(name)))
    changed = _ASSERTION.sub(with_switch, changed)
    # A clock is no constant: what asks one is no pure function.
    return changed.replace("@pure\n", "@view\n")


@functools.cache
def _written() -> None:
    """Bring the copies with switches up to date."""
    for path in [*ROOT.glob("contracts/**/*.vy"), *ROOT.glob("interfaces/*.vyi")]:
        below = path.relative_to(ROOT)
        text = path.read_text()
        if below.parts[0] == "contracts":
            text = switched(Path(*below.parts[1:]).as_posix(), text)
        copy = _FOLDER / below
        if not copy.exists() or copy.read_text() != text:
            copy.parent.mkdir(parents=True, exist_ok=True)
            # Whole: other workers may be reading it.
            scratch = copy.with_suffix(f".{os.getpid()}")
            scratch.write_text(text)
            scratch.replace(copy)


@functools.cache
def _artifact(name: str) -> build.Artifact:
    """A piece with switches, without those behind it; compiled once, for all processes."""
    _written()
    return build.sources(_FOLDER, "contracts")._load(name)


def strip(code: bytes, *checks: str) -> bytes:
    """Code of a contract with switches, in which those of some checks are thrown.

    Args:
        code: what was compiled.
        checks: reasons of assertions, or names in `OTHERWISE`.
    """
    for check in checks:
        # The compiler writes some comparisons as with the next number.
        constants = [(_switch(check) + more).to_bytes(8, "big") for more in (0, 1)]
        found = [constant for constant in constants if constant in code]
        assert found, f"no check of that contract: {check}"
        for constant in found:
            code = code.replace(constant, bytes(8))
    return code


def without(name: str, *checks: str) -> build.Artifact:
    """A contract to deploy that lacks some checks; see `strip`."""
    whole = _artifact(name)
    return build.Artifact.from_abi(name, list(whole.abi), strip(whole.bytecode, *checks))


@contextmanager
def lacking(world: World, name: str, *checks: str) -> Iterator[None]:
    """On both ledgers a contract lacks some checks while the block runs; then all is undone.

    Args:
        world: the ledgers.
        name: the contract, as the file of its piece is called.
        checks: reasons of assertions, or names in `OTHERWISE`.
    """
    weak = strip(_artifact(name).bytecode_runtime, *checks)
    with world.isolated():
        for side in (world.home, world.remote):
            place = _place(side, name)
            # Behind the code stand its immutables, which stay.
            behind = side.chain.code(place)[len(build.artifact(name).bytecode_runtime) :]
            side.chain.set_code(place, weak + behind)
        yield


def _place(side: Side, name: str) -> str:
    """Where the code of a contract is on a ledger."""
    single = {
        "LaneCustody": side.custody.address,
        "QuorumVerifier": side.verifier.address,
        "ReleaseAuthority": side.authority.address,
        "ReleaseProxy": side.escrow.address,
    }
    pieces = {
        "BridgeEscrowControls": lambda: side.escrow.CONTROLS(),
        "SecurityTokenControls": lambda: side.token.CONTROLS(),
        "SecurityTokenSettings": lambda: side.token.SETTINGS(),
    }
    if name in pieces:
        return str(address_of(pieces[name]()))
    return str(single.get(name) or side.implementations[name])


def weakened(folder: Path, source: str, edits: Mapping[str, Mapping[str, str]]) -> build.Artifact:
    """Compile a contract over edited sources.

    Args:
        folder: an empty one; the suite's sources are copied into it.
        source: the contract's file, from the repository's root.
        edits: file -> text that occurs in it exactly once -> what stands there instead.
    """
    for part in ("contracts", "interfaces"):
        shutil.copytree(ROOT / part, folder / part)
    path = folder / source
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / source, path)
    for file, changes in edits.items():
        text = (folder / file).read_text()
        for old, new in changes.items():
            assert text.count(old) == 1, f"{file}: {old!r} once expected"
            text = text.replace(old, new)
        (folder / file).write_text(text)
    return build.compile_file(path, folder)
