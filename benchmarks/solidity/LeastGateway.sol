// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC7786GatewaySource, IERC7786Recipient} from "openzeppelin-5/interfaces/draft-IERC7786.sol";
import {InteroperableAddress} from "openzeppelin-5/utils/draft-InteroperableAddress.sol";
import {ECDSA} from "openzeppelin-5/utils/cryptography/ECDSA.sol";
import {BitMaps} from "openzeppelin-5/utils/structs/BitMaps.sol";

/// @title The least ERC-7786 gateway that verifies a quorum, for OpenZeppelin's bridge to stand on.
/// @dev For measuring only: OpenZeppelin's packages have the bridge and no gateway. No owner, no fee,
/// no pause, no change of signers. Both ends of a lane stand on one ledger, hence the chain by name.
contract LeastGateway is IERC7786GatewaySource {
    using BitMaps for BitMaps.BitMap;

    uint256 public immutable chain;
    uint256 public immutable threshold;
    uint256 private _sent;
    mapping(address => bool) public isSigner;
    BitMaps.BitMap private _arrived;

    constructor(uint256 chain_, uint256 threshold_, address[] memory signers) {
        chain = chain_;
        threshold = threshold_;
        for (uint256 i = 0; i < signers.length; ++i) isSigner[signers[i]] = true;
    }

    function supportsAttribute(bytes4) external pure returns (bool) {
        return false;
    }

    /// @notice Give a message its number and tell the signers of it.
    function sendMessage(bytes calldata recipient, bytes calldata payload, bytes[] calldata attributes)
        external
        payable
        returns (bytes32 sendId)
    {
        require(msg.value == 0 && attributes.length == 0, "neither value nor attributes");
        sendId = bytes32(++_sent);
        bytes memory sender = InteroperableAddress.formatEvmV1(chain, msg.sender);
        emit MessageSent(sendId, sender, recipient, payload, 0, attributes);
    }

    /// @notice Hand over a message that a quorum has signed, once; signers in ascending order.
    function deliver(
        uint256 number,
        bytes calldata sender,
        bytes calldata recipient,
        bytes calldata payload,
        bytes[] calldata signatures
    ) external {
        require(!_arrived.get(number), "arrived already");
        _arrived.set(number);
        require(signatures.length >= threshold, "too few signatures");
        bytes32 digest = keccak256(abi.encode(chain, address(this), number, sender, recipient, payload));
        address last;
        for (uint256 i = 0; i < signatures.length; ++i) {
            address signer = ECDSA.recover(digest, signatures[i]);
            require(signer > last && isSigner[signer], "not a signer, or out of order");
            last = signer;
        }
        (uint256 where, address to) = InteroperableAddress.parseEvmV1(recipient);
        require(where == chain, "another chain's");
        bytes4 answer = IERC7786Recipient(to).receiveMessage(bytes32(number), sender, payload);
        require(answer == IERC7786Recipient.receiveMessage.selector, "not received");
    }
}
