// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

/// @title What a DstackKms asks of an app's contract
/// @notice The stock interface, declared here from its published ABI. The order and the types of the
/// fields decide the selector: `isAppAllowed` is 0x1e079198, which is also the ERC-165 id.
interface IDstackAppAuth {
    /// @notice What a KMS knows about an instance that asks for its keys.
    /// @param appId The app, which is the address of its contract.
    /// @param composeHash SHA-256 of the exact bytes of app-compose.json.
    /// @param instanceId The instance; zero where the app runs without instance ids.
    /// @param deviceId SHA-256 of the machine's PPID.
    /// @param mrAggregated SHA-256 over all measurement registers.
    /// @param mrSystem SHA-256 over the registers of the system and the key provider.
    /// @param osImageHash The OS image.
    /// @param tcbStatus The platform's TCB status, such as "UpToDate".
    /// @param advisoryIds Intel's advisories that apply to the platform.
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

    /// @notice Whether an instance with this boot info may have the app's keys, and if not, why.
    function isAppAllowed(AppBootInfo calldata bootInfo)
        external
        view
        returns (bool isAllowed, string memory reason);
}

/// @title What the platform's tools call on an app's contract
/// @notice The stock interface; ERC-165 id 0x8fd37527. The events are the stock ones: the argument is
/// not indexed, and a tool that reads only these sees the set of allowed values.
interface IDstackAppAuthManagement {
    event ComposeHashAdded(bytes32 composeHash);
    event ComposeHashRemoved(bytes32 composeHash);
    event DeviceAdded(bytes32 deviceId);
    event DeviceRemoved(bytes32 deviceId);
    event AllowAnyDeviceSet(bool allowAny);
    event RequireTcbUpToDateSet(bool requireUpToDate);

    function addComposeHash(bytes32 composeHash) external;
    function removeComposeHash(bytes32 composeHash) external;
    function addDevice(bytes32 deviceId) external;
    function removeDevice(bytes32 deviceId) external;
}
