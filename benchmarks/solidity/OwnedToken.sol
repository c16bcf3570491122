// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "openzeppelin-5/access/Ownable.sol";
import {ERC20} from "openzeppelin-5/token/ERC20/ERC20.sol";

/// @title The least token on OpenZeppelin that one party may mint, to stand behind a proxy.
/// @dev For measuring only: the name stays in the implementation, where the constructor writes it.
contract OwnedToken is ERC20, Ownable {
    constructor() ERC20("Benchmark", "BNCH") Ownable(msg.sender) {}

    /// @notice Name the owner of a proxy's token, once.
    function initialize(address first) external {
        require(owner() == address(0), "initialised already");
        _transferOwnership(first);
    }

    /// @notice Create units; only the owner.
    function mint(address to, uint256 amount) external onlyOwner {
        _mint(to, amount);
    }
}
