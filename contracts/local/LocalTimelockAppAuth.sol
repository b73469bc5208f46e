// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IDstackAppAuth} from "../interfaces/IDstackAppAuth.sol";

/// @title Stand-in for the TimelockAppAuth of the dstack tutorial
/// @notice Local stand-in: for local chains and tests only, own code, never deployed elsewhere.
/// @dev ABI, events and reasons as there, with what makes it hard to index: its constructor allows a
/// hash and emits nothing, what is activated is not said to be added, and what is removed is indexed.
contract LocalTimelockAppAuth is IDstackAppAuth {
    /// @notice Who proposes, cancels and removes; for ever.
    address public owner;

    /// @notice Seconds from a proposal to its activation; for ever.
    uint256 public noticePeriod;

    /// @notice Whether every device may boot the app; for ever.
    bool public allowAnyDevice;

    /// @notice Whether a compose hash may boot.
    mapping(bytes32 composeHash => bool) public allowedComposeHashes;

    /// @notice Whether a device may boot the app. Nothing ever sets it.
    mapping(bytes32 deviceId => bool) public allowedDeviceIds;

    /// @notice When a compose hash was proposed; zero if it was not.
    mapping(bytes32 composeHash => uint256) public proposedAt;

    /// @notice A compose hash was announced. There is no end to how long it stays ripe.
    event ComposeHashProposed(bytes32 indexed hash, uint256 activatesAt);

    /// @notice An announced compose hash is allowed now.
    event ComposeHashActivated(bytes32 indexed hash);

    /// @notice An announcement was taken back.
    event ComposeHashCancelled(bytes32 indexed hash);

    /// @notice A compose hash was disallowed. Stock contracts have the same topic, and index nothing.
    event ComposeHashRemoved(bytes32 indexed hash);

    modifier onlyOwner() {
        require(msg.sender == owner, "not owner");
        _;
    }

    constructor(uint256 noticePeriod_, bool allowAnyDevice_, bytes32 initialComposeHash) {
        owner = msg.sender;
        noticePeriod = noticePeriod_;
        allowAnyDevice = allowAnyDevice_;
        if (initialComposeHash != bytes32(0)) allowedComposeHashes[initialComposeHash] = true;
    }

    /// @notice Announces a compose hash.
    function proposeComposeHash(bytes32 hash) external onlyOwner {
        require(proposedAt[hash] == 0, "already proposed");
        require(!allowedComposeHashes[hash], "already active");
        proposedAt[hash] = block.timestamp;
        emit ComposeHashProposed(hash, block.timestamp + noticePeriod);
    }

    /// @notice Allows what was announced long enough ago. Anybody.
    function activateComposeHash(bytes32 hash) external {
        require(proposedAt[hash] != 0, "not proposed");
        require(block.timestamp >= proposedAt[hash] + noticePeriod, "notice period not elapsed");
        delete proposedAt[hash];
        allowedComposeHashes[hash] = true;
        emit ComposeHashActivated(hash);
    }

    /// @notice Takes an announcement back.
    function cancelProposal(bytes32 hash) external onlyOwner {
        require(proposedAt[hash] != 0, "not proposed");
        delete proposedAt[hash];
        emit ComposeHashCancelled(hash);
    }

    /// @notice Disallows a compose hash, at once.
    function removeComposeHash(bytes32 hash) external onlyOwner {
        allowedComposeHashes[hash] = false;
        emit ComposeHashRemoved(hash);
    }

    /// @inheritdoc IDstackAppAuth
    function isAppAllowed(AppBootInfo calldata bootInfo)
        external
        view
        returns (bool isAllowed, string memory reason)
    {
        if (!allowedComposeHashes[bootInfo.composeHash]) {
            return (false, "compose hash not allowed");
        }
        if (!allowAnyDevice && !allowedDeviceIds[bootInfo.deviceId]) {
            return (false, "device not allowed");
        }
        return (true, "");
    }
}
