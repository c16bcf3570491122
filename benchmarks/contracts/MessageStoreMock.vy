# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Ways to keep a message
@license Apache-2.0
@author Tallystick
@notice What the source keeps of a message that left, and what the destination keeps of one that arrived.
@dev Every function does the one thing it is named for; the difference to `send_logged` is its price.
     Measured by `python -m benchmarks.alternatives`. In no release.
"""

_RING: constant(uint256) = 256
# outstanding 104 | - 48 | page of arrivals 40 | its bits 64
_PAGE_SHIFT: constant(uint256) = 152
_PAGE_MAX: constant(uint256) = 2**40 - 1
_BITS_SHIFT: constant(uint256) = 192


struct Message:
    codec: uint16
    kind: uint8
    lane: bytes32
    nonce: uint64
    lock_time: uint64
    action_epoch: uint16
    amount: uint256
    sender: bytes32
    recipient: bytes32
    deadline: uint64


_sent: uint256
_outbox: HashMap[bytes32, HashMap[uint256, bytes32]]
_ring: bytes32[_RING]
_messages: HashMap[bytes32, Message]
_head: bytes32
_bits: HashMap[bytes32, HashMap[uint256, uint256]]
_flags: HashMap[bytes32, bool]
# Outstanding of each lane, as both ways of keeping arrivals must touch it anyway.
_outstanding: HashMap[bytes32, uint256]
_ledger: HashMap[bytes32, uint256]
_pages: HashMap[bytes32, HashMap[uint256, uint256]]


event MessageSent:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    message: Message


# ------------------------------------------------------------------------------- source


@external
def send_logged(m: Message):
    self._send(m)


@external
def send_hashed(m: Message):
    # The id in a mapping, provable by a storage proof for ever.
    nonce: uint256 = self._sent
    id: bytes32 = self._send(m)
    self._outbox[m.lane][nonce] = id


@external
def send_in_page(m: Message):
    # Ours: a chain over the ids of eight messages a slot; proving one message takes the seven beside it.
    page: uint256 = self._sent >> 3
    id: bytes32 = self._send(m)
    self._outbox[m.lane][page] = keccak256(concat(self._outbox[m.lane][page], id))


@external
def send_in_ring(m: Message):
    # The last 256 ids; an older one is gone from storage.
    nonce: uint256 = self._sent
    id: bytes32 = self._send(m)
    self._ring[nonce % _RING] = id


@external
def send_chained(m: Message):
    # One accumulator over all ids; proving one message takes all later ones.
    id: bytes32 = self._send(m)
    self._head = keccak256(concat(self._head, id))


@external
def send_stored(m: Message):
    # The message itself, readable by other contracts.
    id: bytes32 = self._send(m)
    self._messages[id] = m


@internal
def _send(m: Message) -> bytes32:
    id: bytes32 = keccak256(abi_encode(m))
    self._sent += 1
    log MessageSent(lane=m.lane, id=id, message=m)
    return id


# -------------------------------------------------------------------------- destination


@external
def arrive_without_guard(lane: bytes32, nonce: uint256, amount: uint256):
    self._outstanding[lane] += amount


@external
def arrive_by_bit(lane: bytes32, nonce: uint256, amount: uint256):
    # Ours: a bit for each nonce, 256 to a slot.
    word: uint256 = self._bits[lane][nonce >> 8]
    bit: uint256 = 1 << (nonce & 255)
    assert word & bit == 0, "arrived already"
    self._bits[lane][nonce >> 8] = word | bit
    self._outstanding[lane] += amount


@external
def arrive_by_flag(lane: bytes32, nonce: uint256, amount: uint256):
    # A slot for each id.
    id: bytes32 = keccak256(abi_encode(lane, nonce))
    assert not self._flags[id], "arrived already"
    self._flags[id] = True
    self._outstanding[lane] += amount


@external
def arrive_in_ledger_word(lane: bytes32, nonce: uint256, amount: uint256):
    # A bit for each nonce; the newest 64 in the ledger word, which an arrival writes anyway.
    ledger: uint256 = self._ledger[lane]
    page: uint256 = nonce >> 6
    bit: uint256 = 1 << (nonce & 63)
    newest: uint256 = (ledger >> _PAGE_SHIFT) & _PAGE_MAX
    if page == newest:
        assert ledger & (bit << _BITS_SHIFT) == 0, "arrived already"
        ledger |= bit << _BITS_SHIFT
    elif page < newest:
        bits: uint256 = self._pages[lane][page]
        assert bits & bit == 0, "arrived already"
        self._pages[lane][page] = bits | bit
    else:
        assert page <= _PAGE_MAX, "nonce out of range"
        self._pages[lane][newest] = ledger >> _BITS_SHIFT
        ledger = ((ledger & (2**_PAGE_SHIFT - 1)) | (page << _PAGE_SHIFT) | (bit << _BITS_SHIFT))
    self._ledger[lane] = ledger + amount


@external
@view
def has_arrived_in_ledger_word(lane: bytes32, nonce: uint256) -> bool:
    ledger: uint256 = self._ledger[lane]
    page: uint256 = nonce >> 6
    bits: uint256 = self._pages[lane][page]
    if page == (ledger >> _PAGE_SHIFT) & _PAGE_MAX:
        bits = ledger >> _BITS_SHIFT
    return (bits >> (nonce & 63)) & 1 != 0
