# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Proof verifier: what the source escrow's storage says that it sent
@license Apache-2.0
@author Tallystick
@notice Says whether a message stands in the outbox of one escrow on another ledger.
@dev A quorum attests one hash of the source ledger: of a block's header, or of the escrow's storage. From it anybody
     proves pages of the outbox, Merkle-Patricia node by node (EIP-1186); a page's word proves each message on it.
     Attestors sign no message: who lies to this verifier has to make up a ledger.

       Attestation(uint64 epoch,bytes32 signer_set,Commitment commitment)
       Commitment(uint8 kind,bytes32 ledger,uint64 number,bytes32 account,bytes32 hash)
         kind 1: `hash` is of the header of block `number`, `account` is empty
         kind 2: `hash` is the root of the storage of `account` after block `number`

     Source, quorum and the outbox's slot are in its code: nobody's roles. An escrow of another layout, or other
     attestors, are another verifier, which a lane takes up by a change of its terms.
     Roots and pages stay for good: an outbox only grows, so what it once held it sent.
@custom:security Immutable; takes proofs from anyone.
@custom:kill An administrator of the escrow ends the epoch of a lane that trusts it.
"""
from interfaces import IVerifier

implements: IVerifier

from contracts.bridge import rlp
from contracts.bridge import trie
from contracts.governance import code

# What a commitment's hash is of.
_BLOCK: constant(uint8) = 1
_STORAGE: constant(uint8) = 2
_COMMITMENT_TYPEHASH: constant(bytes32) = keccak256(
    "Commitment(uint8 kind,bytes32 ledger,uint64 number,bytes32 account,bytes32 hash)"
)
_DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_DOMAIN_NAME: constant(String[16]) = "Tallystick Proof"
_DOMAIN_VERSION: constant(String[1]) = "1"
# One quorum for good, so one epoch of it.
_EPOCH: constant(uint256) = 1

# A header of today has some 640 bytes; sidechains put signatures into theirs.
_MAX_HEADER: constant(uint256) = 2048
# Items of a header, from 0.
_STATE_ROOT: constant(uint256) = 3
_NUMBER: constant(uint256) = 8
_HEADER_ITEMS: constant(uint256) = 9
# Items of an account: nonce, balance, root of its storage, hash of its code.
_STORAGE_ROOT: constant(uint256) = 2
_ACCOUNT_ITEMS: constant(uint256) = 4

# Messages of the same page that left after the one asked for, at most.
_MAX_LATER: constant(uint256) = 7
# Of an attestation here: epoch 8 | page's word before the message 32
_HEAD: constant(uint256) = 40
# Of one of a batch: epoch 8 | lane 32 | word after it 32 | how many 32
_BATCH_HEAD: constant(uint256) = 104
_BATCH_TYPEHASH: constant(bytes32) = keccak256("Batch(bytes32 lane,bytes32 word,uint64 count)")

QUORUM: public(immutable(address))
# keccak256 of the source ledger's CAIP-2 name.
SOURCE_LEDGER: public(immutable(bytes32))
SOURCE_ESCROW: public(immutable(address))
# Of `outbox` in the storage of the source escrow.
OUTBOX_SLOT: public(immutable(uint256))
_OPERATOR: immutable(bytes32)
_CHAIN_ID: immutable(uint256)


# root of the source escrow's storage -> block after which it was shown to be that
number_of_root: public(HashMap[bytes32, uint256])
# word of a page of the source's outbox -> block after which it was proven
number_of_page: public(HashMap[bytes32, uint256])


event SourceFixed:
    quorum: indexed(address)
    source_ledger: indexed(bytes32)
    source_escrow: indexed(address)
    outbox_slot: uint256
    operator: bytes32


event RootShown:
    root: indexed(bytes32)
    number: indexed(uint64)
    # By a block's header; else attested itself.
    by_header: bool


event PageProven:
    lane: indexed(bytes32)
    page: indexed(uint256)
    word: indexed(bytes32)
    number: uint256


@deploy
def __init__(
    quorum: address,
    source_ledger: bytes32,
    source_escrow: address,
    outbox_slot: uint256,
):
    """
    @notice Fix whose outbox is proven, and who attests the ledger it is on.
    @param quorum A QuorumVerifier of this contract's type of attestation.
    @param source_ledger keccak256 of the source ledger's CAIP-2 name.
    @param source_escrow The escrow there.
    @param outbox_slot Slot of `outbox` in its storage layout.
    """
    assert code._is_code(quorum), "proof: quorum has no code"
    assert source_ledger != empty(bytes32), "proof: no source ledger"
    assert source_escrow != empty(address), "proof: no source escrow"
    QUORUM = quorum
    SOURCE_LEDGER = source_ledger
    SOURCE_ESCROW = source_escrow
    OUTBOX_SLOT = outbox_slot
    # On whose word all of it rests: a name of its own would make two of one operator.
    _OPERATOR = staticcall IVerifier(quorum).operator()
    _CHAIN_ID = chain.id
    log SourceFixed(
        quorum=quorum,
        source_ledger=source_ledger,
        source_escrow=source_escrow,
        outbox_slot=outbox_slot,
        operator=_OPERATOR,
    )


# ----------------------------------------------------------------------- anyone


@external
def show_header(
    number: uint64,
    header: Bytes[_MAX_HEADER],
    attestation: Bytes[1034],
    proof: Bytes[trie.MAX_PROOF],
) -> bytes32:
    """
    @notice Show the root of the escrow's storage from a header whose hash the quorum attests.
    @param number The block's number.
    @param header Its header, RLP; only state root and number are looked at.
    @param attestation What the quorum asks for, of the header's hash.
    @param proof The nodes from the state root to the escrow's account.
    @return The root, by which pages are then proven.
    @custom:role anyone
    """
    self._check_attested(_BLOCK, number, empty(bytes32), keccak256(header), attestation)
    state_root: bytes32 = self._state_root(number, header)
    start: uint256 = 0
    stop: uint256 = 0
    account: Bytes[20] = slice(convert(SOURCE_ESCROW, bytes32), 12, 20)
    start, stop = trie._leaf(state_root, keccak256(account), proof)
    root: bytes32 = self._storage_root(start, stop, proof)
    self._show(root, number, True)
    return root


@external
def show_root(number: uint64, root: bytes32, attestation: Bytes[1034]):
    """
    @notice Show the root of the escrow's storage, which the quorum attests itself.
    @param number The block after which it was that.
    @param root The root.
    @param attestation What the quorum asks for, of the root.
    @custom:role anyone
    """
    account: bytes32 = convert(convert(SOURCE_ESCROW, uint256), bytes32)
    self._check_attested(_STORAGE, number, account, root, attestation)
    self._show(root, number, False)


@external
def prove_page(
    root: bytes32, lane: bytes32, page: uint256, proof: Bytes[trie.MAX_PROOF]
) -> bytes32:
    """
    @notice Prove a page of the outbox, and so every message on it, by a root that was shown.
    @dev The page's later messages want another proof, by a later root.
    @param root The root.
    @param lane The lane that the messages went by.
    @param page Their nonces / 8.
    @param proof The nodes from the root to the page's slot.
    @return The page's word.
    @custom:role anyone
    """
    number: uint256 = self.number_of_root[root]
    assert number != 0, "proof: root not shown"
    slot: bytes32 = keccak256(abi_encode(keccak256(abi_encode(OUTBOX_SLOT, lane)), page))
    start: uint256 = 0
    stop: uint256 = 0
    start, stop = trie._leaf(root, keccak256(slot), proof)
    word: bytes32 = self._storage_word(start, stop, proof)
    self.number_of_page[word] = number
    log PageProven(lane=lane, page=page, word=word, number=number)
    return word


# ------------------------------------------------------------------------ views


@external
@view
@reentrant
def verify(domain_separator: bytes32, message_id: bytes32, attestation: Bytes[1034]) -> bool:
    """
    @notice Whether the message stands on a page of the source's outbox that was proven.
    @dev Its id names the lane, and so the one escrow that it is for: no domain is needed. Nor does what is proven
         depend on an epoch; which epochs trust this verifier is the asker's to know.
           attestation = epoch 8 | the page's word before the message 32 | ids of the later messages on it, 32 each
     @param domain_separator Not looked at.
    @param message_id EIP-712 struct hash of the message.
    @param attestation See above.
    @return True; every refusal reverts with its reason.
    """
    assert chain.id == _CHAIN_ID, "proof: made on another chain"
    length: uint256 = len(attestation)
    assert length >= _HEAD and (length - _HEAD) & 31 == 0, "proof: no whole ids"
    later: uint256 = (length - _HEAD) >> 5
    assert later <= _MAX_LATER, "proof: more than a page"
    word: bytes32 = keccak256(concat(extract32(attestation, 8), message_id))
    for i: uint256 in range(later, bound=_MAX_LATER):
        word = keccak256(concat(word, extract32(attestation, _HEAD + 32 * i)))
    assert self.number_of_page[word] != 0, "proof: page not proven"
    return True


@external
@view
@reentrant
def verify_batch(domain_separator: bytes32, batch_id: bytes32, attestation: Bytes[1034]) -> bool:
    """
    @notice Whether a batch is a stretch of a page of the source's outbox that was proven, up to a word that a proof
            showed.
           attestation = epoch 8 | lane 32 | word after the batch 32 | how many 32 | ids of later messages, 32 each
    @dev The escrow chained the messages to that word: who begins with the page's word before them ends in it.
    @param domain_separator Not looked at.
    @param batch_id EIP-712 struct hash of the batch.
    @param attestation See above.
    @return True; every refusal reverts with its reason.
    """
    assert chain.id == _CHAIN_ID, "proof: batch made on another chain"
    length: uint256 = len(attestation)
    assert (
        length >= _BATCH_HEAD and (length - _BATCH_HEAD) & 31 == 0
    ), "proof: no whole ids of a batch"
    later: uint256 = (length - _BATCH_HEAD) >> 5
    assert later <= _MAX_LATER, "proof: batch of more than a page"
    word: bytes32 = extract32(attestation, 40)
    assert batch_id == keccak256(
        abi_encode(_BATCH_TYPEHASH, extract32(attestation, 8), word, extract32(attestation, 72))
    ), "proof: another batch"
    for i: uint256 in range(later, bound=_MAX_LATER):
        word = keccak256(concat(word, extract32(attestation, _BATCH_HEAD + 32 * i)))
    assert self.number_of_page[word] != 0, "proof: batch not proven"
    return True


@external
@view
def operator() -> bytes32:
    """
    @notice Who runs the quorum, on which all proofs rest.
    @return keccak256 of the operator's LEI.
    """
    return _OPERATOR


@external
@view
def domain_separator() -> bytes32:
    """
    @notice EIP-712 domain in which the quorum attests what is shown here.
    @return The separator.
    """
    return self._domain_separator()


@external
@view
def eip712Domain() -> (
    bytes1, String[16], String[1], uint256, address, bytes32, DynArray[uint256, 1]
):
    """
    @notice The same domain by its parts (ERC-5267).
    @return Which fields it has, as bits: name, version, chain id, contract.
    @return Name.
    @return Version.
    @return Chain id.
    @return The contract that checks the signatures.
    @return No salt.
    @return No extensions.
    """
    return (0x0f, _DOMAIN_NAME, _DOMAIN_VERSION, chain.id, self, empty(bytes32), [])


# --------------------------------------------------------------------- internal


@internal
@view
def _check_attested(
    kind: uint8, number: uint64, account: bytes32, hash: bytes32, attestation: Bytes[1034]
):
    """
    @dev Whether the quorum signed this of the source ledger, for this contract on this chain.
    """
    assert convert(extract32(attestation, 0), uint256) >> 192 == _EPOCH, "proof: not epoch 1"
    commitment: bytes32 = keccak256(
        abi_encode(_COMMITMENT_TYPEHASH, kind, SOURCE_LEDGER, number, account, hash)
    )
    assert staticcall IVerifier(QUORUM).verify(
        self._domain_separator(), commitment, attestation
    ), "proof: not attested"


@internal
def _show(root: bytes32, number: uint64, by_header: bool):
    """
    @dev Keep a root. What holds no storage, and what storage holds for a root never shown, prove nothing.
    """
    assert root != empty(bytes32), "proof: no root"
    assert number != 0, "proof: no block"
    self.number_of_root[root] = convert(number, uint256)
    log RootShown(root=root, number=number, by_header=by_header)


@internal
@view
def _domain_separator() -> bytes32:
    """
    @dev Of this contract on the chain as it calls itself now.
    """
    return keccak256(
        abi_encode(
            _DOMAIN_TYPEHASH, keccak256(_DOMAIN_NAME), keccak256(_DOMAIN_VERSION), chain.id, self
        )
    )


@internal
@pure
def _state_root(number: uint64, header: Bytes[_MAX_HEADER]) -> bytes32:
    """
    @dev The state root in a header, which states its number. What hard forks add at the end is not looked at.
    """
    data: Bytes[_MAX_HEADER + 32] = concat(header, empty(bytes32))
    position: uint256 = 0
    stop: uint256 = 0
    is_list: bool = False
    position, stop, is_list = rlp._item(convert(extract32(data, 0), uint256), 0, len(header))
    assert is_list and stop == len(header), "proof: no header"
    state_root: bytes32 = empty(bytes32)
    for i: uint256 in range(_HEADER_ITEMS):
        start: uint256 = 0
        start, position, is_list = rlp._item(
            convert(extract32(data, position), uint256), position, stop
        )
        assert not is_list, "proof: list in a header"
        if i == _STATE_ROOT:
            assert position - start == 32, "proof: no state root"
            state_root = extract32(data, start)
        elif i == _NUMBER:
            length: uint256 = position - start
            word: uint256 = convert(extract32(data, start), uint256)
            assert length != 0 and length <= 8 and word >> 248 != 0, "proof: no block number"
            assert word >> (256 - (length << 3)) == convert(
                number, uint256
            ), "proof: header of another block"
    return state_root


@internal
@pure
def _storage_root(start: uint256, stop: uint256, proof: Bytes[trie.MAX_PROOF]) -> bytes32:
    """
    @dev The root of an account's storage; the account stands in a proof from `start` to `stop`.
    """
    data: Bytes[trie.MAX_PROOF + 32] = concat(proof, empty(bytes32))
    position: uint256 = 0
    end: uint256 = 0
    is_list: bool = False
    position, end, is_list = rlp._item(convert(extract32(data, start), uint256), start, stop)
    assert is_list and end == stop, "proof: no account"
    root: bytes32 = empty(bytes32)
    for i: uint256 in range(_ACCOUNT_ITEMS):
        item: uint256 = 0
        item, position, is_list = rlp._item(
            convert(extract32(data, position), uint256), position, stop
        )
        assert not is_list, "proof: list in an account"
        if i >= _STORAGE_ROOT:
            assert position - item == 32, "proof: no hash in an account"
            if i == _STORAGE_ROOT:
                root = extract32(data, item)
    assert position == stop, "proof: more than an account"
    return root


@internal
@pure
def _storage_word(start: uint256, stop: uint256, proof: Bytes[trie.MAX_PROOF]) -> bytes32:
    """
    @dev The word that a storage trie's leaf holds: a number without leading zeros, RLP.
    """
    data: Bytes[trie.MAX_PROOF + 32] = concat(proof, empty(bytes32))
    item: uint256 = 0
    end: uint256 = 0
    is_list: bool = False
    item, end, is_list = rlp._item(convert(extract32(data, start), uint256), start, stop)
    length: uint256 = end - item
    assert not is_list and end == stop and length <= 32 and length != 0, "proof: no word"
    word: uint256 = convert(extract32(data, item), uint256)
    assert word >> 248 != 0, "proof: word begins with zero"
    return convert(word >> (256 - (length << 3)), bytes32)
