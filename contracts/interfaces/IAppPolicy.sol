// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

/// @title IAppPolicy
/// @notice The few views of an app contract that {DeletionRegistry} asks for. An AppAuth has all of
/// them; a stock DstackApp has `owner` and `allowedComposeHashes` only.
/// @dev The registry calls them by hand, since any of them may be missing.
interface IAppPolicy {
    /// @notice The app's owner.
    function owner() external view returns (address);

    /// @notice The account that may narrow the app's policy beside the owner; zero if there is none.
    function guardian() external view returns (address);

    /// @notice Whether the compose hash was allowed at a time, as far as its latest interval tells.
    /// @param composeHash SHA-256 of the exact bytes of app-compose.json.
    /// @param timestamp Unix time in seconds; false for one in the future.
    function allowedAt(bytes32 composeHash, uint256 timestamp) external view returns (bool);

    /// @notice Whether the compose hash is allowed now.
    /// @param composeHash SHA-256 of the exact bytes of app-compose.json.
    function allowedComposeHashes(bytes32 composeHash) external view returns (bool);
}
