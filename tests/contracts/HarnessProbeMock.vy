# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Harness probe: what the tests of the harness look at
@license Apache-2.0
@author Tallystick
@notice A token without rules, and one function for each thing that the harness has to get right:
        events, reasons, named errors, overloads, structs, time, transient storage, refunds.
@dev A test double. In no release.
"""


struct Point:
    x: uint256
    label: String[16]
    owner: address


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256


event Noted:
    topic: indexed(String[32])
    note: Bytes[64]
    points: DynArray[uint256, 4]


balanceOf: public(HashMap[address, uint256])
totalSupply: public(uint256)
counter: public(uint256)
DEPLOYER: public(immutable(address))

cells: HashMap[uint256, uint256]
scratch: transient(uint256)


@deploy
def __init__(supply: uint256):
    assert supply != 666, "probe: unlucky supply"
    if supply == 667:
        raw_revert(abi_encode(supply, method_id=method_id("ProbeRefused(uint256)")))
    DEPLOYER = msg.sender
    self.totalSupply = supply
    self.balanceOf[msg.sender] = supply
    log Transfer(sender=empty(address), receiver=msg.sender, value=supply)


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice As in ERC-20; overdrawing is left to the compiler's check.
    """
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=msg.sender, receiver=receiver, value=amount)
    return True


@external
@payable
def increase(by: uint256 = 1, times: uint256 = 1) -> uint256:
    """
    @notice Three functions of one name.
    """
    self.counter += by * times
    return self.counter


@external
def fill(first: uint256, count: uint256, content: uint256):
    """
    @notice Writes cells; writing zero over something earns a refund.
    """
    for i: uint256 in range(count, bound=64):
        self.cells[first + i] = content


@external
def note(topic: String[32], text: Bytes[64], points: DynArray[uint256, 4]):
    """
    @notice Emits an event with dynamic arguments, indexed and not.
    """
    log Noted(topic=topic, note=text, points=points)


@external
def fail_with_reason(reason: String[64]):
    """
    @notice Reverts so, after a change that must not stay.
    """
    self.counter = 99
    raise reason


@external
def fail_with_error(account: address, amount: uint256):
    """
    @notice Reverts with a named error.
    """
    raw_revert(abi_encode(account, amount, method_id=method_id("ProbeRefused(address,uint256)")))


@external
def fail_with_panic():
    """
    @notice Reverts as Solidity's checked arithmetic does.
    """
    raw_revert(abi_encode(convert(17, uint256), method_id=method_id("Panic(uint256)")))


@external
def fail_with_unknown():
    """
    @notice Reverts with data that no ABI explains.
    """
    raw_revert(x"deadbeef01")


@external
def fail_bare():
    """
    @notice Reverts without data.
    """
    assert self.counter == max_value(uint256)


@external
def burn_all_gas():
    """
    @notice Runs out of gas.
    """
    for i: uint256 in range(max_value(uint256)):
        self.cells[i] = i + 1


@external
def remember(content: uint256):
    """
    @notice Writes transient storage, which the next transaction must not find.
    """
    self.scratch = content


@external
def touch(account: address, amount: uint256):
    """
    @notice Reads a foreign balance twice and sends wei on: cold, warm and new accounts.
    """
    assert account.balance + account.balance >= 0
    if amount != 0:
        send(account, amount)


@external
def spawn() -> address:
    """
    @notice Creates a contract.
    """
    return create_minimal_proxy_to(self)


@external
@payable
def __default__():
    pass


@external
@view
def remembered() -> uint256:
    """
    @notice What `remember` wrote in this transaction.
    """
    return self.scratch


@external
@view
def clock() -> (uint256, uint256, uint256):
    """
    @notice Time, block number, chain id.
    """
    return block.timestamp, block.number, chain.id


@external
@view
def parent_hash() -> bytes32:
    """
    @notice Hash of the block before this one.
    """
    return blockhash(block.number - 1)


@external
@view
def mirror(point: Point, words: DynArray[bytes32, 3]) -> (Point, DynArray[bytes32, 3]):
    """
    @notice Returns what it was given.
    """
    return point, words


@external
@view
def point_at(x: uint256) -> Point:
    """
    @notice A struct.
    """
    return Point(x=x, label="here", owner=msg.sender)


@external
@view
def check(amount: uint256) -> bool:
    """
    @notice A view that reverts.
    """
    assert amount < 10, "probe: too much"
    return True


@external
@pure
def recover(digest: bytes32, v: uint256, r: uint256, s: uint256) -> address:
    """
    @notice Calls a precompile.
    """
    return ecrecover(digest, v, r, s)
