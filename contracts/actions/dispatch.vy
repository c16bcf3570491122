# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Dispatch: what the engines of one instrument tell one another
@license Apache-2.0
@author Tallystick
@notice Keeps and logs what this engine tells; proves what an engine of another ledger told.
@dev A message is addressed to nobody. Its id is signed in the domain of the engine that sent it, so that the same
     signatures are evidence on every ledger, and nothing else is: header and domain name ledger and engine. The body
     is a struct hash of its own, so that equal things are told in one message: sent again, it has the same id.
     A remote ledger listens to its home alone, and home to every remote ledger. A change of whom it listens to takes
     two keys and a day after the set-up: the operator proposes, an administrator carries it out.
"""
from interfaces import IVerifier

from contracts.governance import access
from contracts.governance import code
from contracts.governance import instruction

uses: access

CODEC: constant(uint256) = 1
# What a message tells. Home to remote: a version of an event is in force; what is owed for there; that the books fit
# at a close; that an event is reversed; a ratio is armed. Remote to home: a version was taken, and when; what stood
# there at a close; what was paid there so far; where a ratio stands there.
RECORD: constant(uint256) = 1
ARMED: constant(uint256) = 2
FIGURES: constant(uint256) = 3
TOTALS: constant(uint256) = 4
RECONCILED: constant(uint256) = 5
PAID: constant(uint256) = 6
REVERSAL: constant(uint256) = 7
RATIO: constant(uint256) = 8
ENTERED: constant(uint256) = 9

_MESSAGE_TYPEHASH: constant(bytes32) = keccak256(
    "ActionsMessage(uint256 codec,uint256 kind,bytes32 instrument,bytes32 source_ledger,"
    "bytes32 source_engine,bytes32 body)"
)
_DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_DOMAIN_NAME: constant(String[18]) = "Tallystick Actions"
_DOMAIN_VERSION: constant(String[1]) = "1"
# As for a role that is given: who is on call sees it, and the guardian withdraws it.
DELAY: constant(uint256) = 86400


struct Header:
    codec: uint256
    kind: uint256
    # keccak256 of the ISIN.
    instrument: bytes32
    # keccak256 of the source's CAIP-2 name; its engine, an address on the right.
    source_ledger: bytes32
    source_engine: bytes32
    # EIP-712 struct hash of what it tells.
    body: bytes32


struct Peer:
    chain_id: uint256
    engine: address
    verifier: address


# What this engine speaks for, and the escrow of its lanes.
token: public(address)
escrow: public(address)
instrument: public(bytes32)
is_home: public(bool)
# message id -> whether this engine told it: provable from this contract's storage (INV-4)
is_told: public(HashMap[bytes32, bool])
# keccak256 of a ledger's CAIP-2 name -> its engine
peer_of: public(HashMap[bytes32, Peer])
# On a remote ledger the one it listens to.
home_ledger: public(bytes32)
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[32]


event PeerProposed:
    act: indexed(bytes32)
    chain_id: indexed(uint256)
    engine: address
    verifier: address


event PeerSet:
    ledger: indexed(bytes32)
    chain_id: indexed(uint256)
    engine: address
    verifier: address


# ------------------------------------------------------------- operator, two keys


@external
def propose_peer(
    chain_id: uint256, engine: address, verifier: address, reason: bytes4, document: bytes32
) -> bytes32:
    """
    @notice The operator proposes whom this engine believes of another ledger; a day later an administrator carries
            it out with `set_peer`.
    @param chain_id The other ledger (eip155).
    @param engine Its engine of this instrument.
    @param verifier What proves that engine's messages here.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role operator
    """
    act: bytes32 = self._act(chain_id, engine, verifier)
    access._propose(act, access.OPERATOR, access.ADMINISTRATOR, verifier, reason, document, DELAY)
    log PeerProposed(act=act, chain_id=chain_id, engine=engine, verifier=verifier)
    return act


@external
def set_peer(
    chain_id: uint256, engine: address, verifier: address, reason: bytes4, document: bytes32
):
    """
    @notice Say whom this engine believes of another ledger; at home of each remote one, there of home alone.
    @dev By the set-up key, or by an administrator a day after the operator's proposal.
    @param chain_id The other ledger (eip155).
    @param engine Its engine of this instrument.
    @param verifier What proves that engine's messages here.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator, set-up key
    """
    access._carry_out(self._act(chain_id, engine, verifier), access.ADMINISTRATOR)
    assert chain_id != chain.id, "dispatch: peer is this ledger"
    assert engine != empty(address), "dispatch: no engine there"
    assert code._is_code(verifier), "dispatch: verifier has no code"
    ledger: bytes32 = self._ledger(chain_id)
    if not self.is_home:
        assert self.home_ledger in [empty(bytes32), ledger], "dispatch: home is another ledger"
        self.home_ledger = ledger
    self.peer_of[ledger] = Peer(chain_id=chain_id, engine=engine, verifier=verifier)
    instruction._record(verifier, reason, document)
    log PeerSet(ledger=ledger, chain_id=chain_id, engine=engine, verifier=verifier)


# ------------------------------------------------------------------------- views


@external
@pure
def message_id(header: Header) -> bytes32:
    """
    @notice EIP-712 struct hash of a message.
    @param header The message.
    @return Its id.
    """
    return self._id(header)


@external
@view
def domain_separator() -> bytes32:
    """
    @notice EIP-712 domain in which attestors sign what this engine tells.
    @return The separator.
    """
    return self._domain_separator(chain.id, self)


@external
@view
def eip712Domain() -> (
    bytes1, String[18], String[1], uint256, address, bytes32, DynArray[uint256, 1]
):
    """
    @notice The same domain by its parts (ERC-5267).
    @return Which fields it has, as bits: name, version, chain id, contract.
    @return Name.
    @return Version.
    @return Chain id.
    @return The engine that tells.
    @return No salt.
    @return No extensions.
    """
    return (0x0f, _DOMAIN_NAME, _DOMAIN_VERSION, chain.id, self, empty(bytes32), [])


# ---------------------------------------------------------------------- internal


@internal
def _send(kind: uint256, body: bytes32) -> Header:
    """
    @dev Enter what is told; the caller logs it whole. Told again, it is the same message.
    """
    header: Header = self._own(kind, body)
    self.is_told[self._id(header)] = True
    return header


@internal
@view
def _own(kind: uint256, body: bytes32) -> Header:
    """
    @dev The message with which this engine tells something.
    """
    return Header(
        codec=CODEC,
        kind=kind,
        instrument=self.instrument,
        source_ledger=self._ledger(chain.id),
        source_engine=convert(convert(self, uint256), bytes32),
        body=body,
    )


@internal
@view
def _verify(header: Header, kind: uint256, body: bytes32, attestation: Bytes[1034]):
    """
    @dev Revert unless an engine that this one believes told exactly this.
    """
    assert header.codec == CODEC, "dispatch: unknown codec"
    assert header.kind == kind, "dispatch: of another kind"
    assert (
        header.instrument == self.instrument and header.body == body
    ), "dispatch: of something else"
    peer: Peer = self.peer_of[header.source_ledger]
    assert (
        peer.engine != empty(address)
        and header.source_engine == convert(convert(peer.engine, uint256), bytes32)
    ), "dispatch: from an unknown engine"
    assert staticcall IVerifier(peer.verifier).verify(
        self._domain_separator(peer.chain_id, peer.engine), self._id(header), attestation
    ), "dispatch: not verified"


@internal
@pure
def _id(header: Header) -> bytes32:
    """
    @dev EIP-712 struct hash. All fields are one word, so that the ABI encoding is the struct encoding.
    """
    return keccak256(abi_encode(_MESSAGE_TYPEHASH, header))


@internal
@pure
def _domain_separator(chain_id: uint256, engine: address) -> bytes32:
    """
    @dev EIP-712 domain of an engine. Its own it asks by the chain as it calls itself now: after a fork the other
         half's signatures fail.
    """
    return keccak256(
        abi_encode(
            _DOMAIN_TYPEHASH,
            keccak256(_DOMAIN_NAME),
            keccak256(_DOMAIN_VERSION),
            chain_id,
            engine,
        )
    )


@internal
@pure
def _ledger(chain_id: uint256) -> bytes32:
    """
    @dev keccak256 of a ledger's CAIP-2 name.
    """
    return keccak256(concat("eip155:", uint2str(chain_id)))


@internal
@pure
def _act(chain_id: uint256, engine: address, verifier: address) -> bytes32:
    """
    @dev Hash of the act of setting a peer.
    """
    return keccak256(abi_encode("set_peer", chain_id, engine, verifier))
