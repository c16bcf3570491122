# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Message: what one ledger tells another about units that moved (codec 2)
@license Apache-2.0
@author Tallystick
@notice The typed lane message and what attestors sign of it (EIP-712).
@dev The message's id is its EIP-712 struct hash. The lane commits to instrument, decimals, close of business,
     grade, both ledgers and both escrows, and the kind to the direction, so that one id names one movement in the
     world.
     Attestors sign `Attestation(uint64 epoch,bytes32 signer_set,Message message)` in the domain of the *destination*
     escrow, or `BatchAttestation(uint64 epoch,bytes32 signer_set,Batch batch)` of many messages at once.
     Parties are bytes32: an address on the right for EVM ledgers, an account's hash for others.
     Units that come back travel as a message of their own, whose `sender` is the id of the one that it answers and
     whose `deadline` is the moment at which the units had left at first: it has none, and nothing turns it back again.
     A denial is a message without units: its `sender` is the id of a message that its source never sent.
     A last word is one, too: no units leave after it; its `sender` is the id of the last word that it answers, if any.
     Codec 1 is the same but for that: its deadline says nothing, and nothing comes back. What was in flight when codec
     2 began ends as it began.
"""

CODEC: constant(uint16) = 2
# The two that are delivered: this one, and the one after it.
FIRST_CODEC: constant(uint256) = 1

# Home to remote: units locked at home are issued there.
ISSUE: constant(uint8) = 1
# Remote to home: units burned there are released at home.
RELEASE: constant(uint8) = 2
# Beside the direction: units that did not reach their recipient come back to their sender.
RETURNED: constant(uint8) = 4
RETURNED_ISSUE: constant(uint8) = 5
RETURNED_RELEASE: constant(uint8) = 6
# Beside the direction: no units come, and who sent it says that another message is none of its own.
DENIED: constant(uint8) = 8
# Beside the direction: no units come, and none will: of what left there it is the last that counts.
LAST: constant(uint8) = 16
# Of a kind, its direction.
DIRECTIONS: constant(uint8) = 3
# Longer than this nobody is made to wait for units that don't arrive.
MAX_DEADLINE: constant(uint256) = 90 * 86400

# "Message(uint16 codec,uint8 kind,bytes32 lane,uint64 nonce,uint64 lock_time,uint16 action_epoch,"
# "uint256 amount,bytes32 sender,bytes32 recipient,uint64 deadline)", hashed; a test compares.
_MESSAGE_TYPEHASH: constant(bytes32) = (
    0xa8d1b66b7a460f9d97d8c572885e440150957dc99d03c7d1cdde20ab03375892
)
_LANE_TYPEHASH: constant(bytes32) = keccak256(
    "Lane(string isin,uint8 decimals,uint16 close_minute,uint8 grade,"
    "bytes32 home_ledger,bytes32 home_escrow,bytes32 remote_ledger,bytes32 remote_escrow)"
)
_BATCH_TYPEHASH: constant(bytes32) = keccak256("Batch(bytes32 lane,bytes32 word,uint64 count)")
_DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
DOMAIN_NAME: constant(String[15]) = "Tallystick Lane"
DOMAIN_VERSION: constant(String[1]) = "1"


struct Message:
    codec: uint16
    kind: uint8
    lane: bytes32
    # Counts what one side of the lane sent, from 0.
    nonce: uint64
    # Clock of the source ledger when the units left it.
    lock_time: uint64
    # In whose units `amount` is stated.
    action_epoch: uint16
    amount: uint256
    # Of a return: the id of the message that it answers; of a denial: of the one that it denies.
    sender: bytes32
    recipient: bytes32
    # From here on nobody is credited any more, and it can be returned; of a return: when the units had left at first.
    deadline: uint64


@internal
@pure
def _id(message: Message) -> bytes32:
    """
    @dev EIP-712 struct hash. All fields are one word, so that the ABI encoding is the struct encoding.
    """
    return keccak256(abi_encode(_MESSAGE_TYPEHASH, message))


@internal
@pure
def _has_deadline(codec: uint16, kind: uint8) -> bool:
    """
    @dev Whether the deadline of such a message means anything.
    """
    return convert(codec, uint256) != FIRST_CODEC and kind & RETURNED == 0


@internal
@pure
def _batch_id(lane: bytes32, word: bytes32, count: uint256) -> bytes32:
    """
    @dev EIP-712 struct hash of a batch.
    """
    return keccak256(abi_encode(_BATCH_TYPEHASH, lane, word, count))


@internal
@view
def _domain_separator() -> bytes32:
    """
    @dev Of this escrow on the chain as it calls itself now: after a fork the other half's signatures fail.
    """
    return keccak256(
        abi_encode(
            _DOMAIN_TYPEHASH, keccak256(DOMAIN_NAME), keccak256(DOMAIN_VERSION), chain.id, self
        )
    )


@internal
@pure
def _lane_id(
    isin: String[12],
    decimals: uint8,
    close_minute: uint16,
    grade: uint8,
    home_ledger: bytes32,
    home_escrow: bytes32,
    remote_ledger: bytes32,
    remote_escrow: bytes32,
) -> bytes32:
    """
    @dev EIP-712 struct hash of the lane: instrument with what both sides must count alike (units, days), grade,
         ledgers (keccak256 of their CAIP-2 names), escrows.
    """
    return keccak256(
        abi_encode(
            _LANE_TYPEHASH,
            keccak256(isin),
            decimals,
            close_minute,
            grade,
            home_ledger,
            home_escrow,
            remote_ledger,
            remote_escrow,
        )
    )


@internal
@view
def _this_ledger() -> bytes32:
    """
    @dev keccak256 of this ledger's CAIP-2 name.
    """
    return keccak256(concat("eip155:", uint2str(chain.id)))


@internal
@pure
def _address(party: bytes32) -> address:
    """
    @dev The EVM account of a party; empty if the party is none in canonical form.
    """
    word: uint256 = convert(party, uint256)
    if word >> 160 != 0:
        return empty(address)
    return convert(word, address)
