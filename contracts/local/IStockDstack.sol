// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

/// @title The one question every stock dstack contract answers
/// @notice Local stand-in: for local chains and tests only, own code, never deployed elsewhere.
/// @dev Field order and types decide the selector 0x1e079198, which is also the ERC-165 id.
interface IStockDstack {
    /// @notice What a KMS knows of a boot. Hashes are SHA-256; ids are 20 bytes.
    struct AppBootInfo {
        address appId;
        bytes32 composeHash;
        address instanceId;
        bytes32 deviceId;
        bytes32 mrAggregated;
        bytes32 mrSystem;
        bytes32 osImageHash;
        string tcbStatus;
        string[] advisoryIds;
    }

    /// @notice Whether the boot is allowed, and if not, why.
    function isAppAllowed(AppBootInfo calldata bootInfo)
        external
        view
        returns (bool isAllowed, string memory reason);
}
