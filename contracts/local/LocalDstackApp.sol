// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IDstackAppAuth} from "../interfaces/IDstackAppAuth.sol";
import {LocalUpgradeable} from "./LocalUpgradeable.sol";

/// @title Stand-in for dstack's DstackApp: every change is instant
/// @notice Local stand-in: for local chains and tests only, own code, never deployed elsewhere.
/// @dev ABI, events, reasons, check order and storage slots as in stock DstackApp, version 2. Like
/// stock it emits on every call, also when nothing changes, says nothing of the TCB switch and the
/// upgrade switch when it is initialized, and never compares `bootInfo.appId` with its address.
contract LocalDstackApp is LocalUpgradeable, IDstackAppAuth {
    /// @notice Whether a compose hash may boot. Slot 0.
    mapping(bytes32 composeHash => bool) public allowedComposeHashes;

    /// @dev Slot 1, lowest byte. No getter in stock either.
    bool private _upgradesDisabled;

    /// @notice Whether every device may boot the app. Slot 1, second byte.
    bool public allowAnyDevice;

    /// @notice Whether a device may boot the app. Slot 2.
    mapping(bytes32 deviceId => bool) public allowedDeviceIds;

    /// @notice Whether the TCB status must be "UpToDate". Slot 3.
    bool public requireTcbUpToDate;

    /// @notice A compose hash was allowed.
    event ComposeHashAdded(bytes32 composeHash);

    /// @notice A compose hash was disallowed.
    event ComposeHashRemoved(bytes32 composeHash);

    /// @notice A device was allowed.
    event DeviceAdded(bytes32 deviceId);

    /// @notice A device was disallowed.
    event DeviceRemoved(bytes32 deviceId);

    /// @notice Any device may boot, or only the listed ones.
    event AllowAnyDeviceSet(bool allowAny);

    /// @notice The TCB requirement was set.
    event RequireTcbUpToDateSet(bool requireUpToDate);

    /// @notice The implementation is final.
    event UpgradesDisabled();

    /// @notice Initializer without the TCB switch (selector 0x187515ca).
    function initialize(
        address initialOwner,
        bool disableUpgrades_,
        bool allowAnyDevice_,
        bytes32 initialDeviceId,
        bytes32 initialComposeHash
    ) external initializer {
        _initialize(
            initialOwner,
            disableUpgrades_,
            false,
            allowAnyDevice_,
            initialDeviceId,
            initialComposeHash
        );
    }

    /// @notice Initializer with the TCB switch (selector 0x9ed28193). A zero id or hash is none.
    function initialize(
        address initialOwner,
        bool disableUpgrades_,
        bool requireTcbUpToDate_,
        bool allowAnyDevice_,
        bytes32 initialDeviceId,
        bytes32 initialComposeHash
    ) external initializer {
        _initialize(
            initialOwner,
            disableUpgrades_,
            requireTcbUpToDate_,
            allowAnyDevice_,
            initialDeviceId,
            initialComposeHash
        );
    }

    /// @notice Allows a compose hash at once.
    function addComposeHash(bytes32 composeHash) external onlyOwner {
        require(composeHash != bytes32(0), "invalid compose hash");
        _addComposeHash(composeHash);
    }

    /// @notice Disallows a compose hash at once.
    function removeComposeHash(bytes32 composeHash) external onlyOwner {
        allowedComposeHashes[composeHash] = false;
        emit ComposeHashRemoved(composeHash);
        _emitPolicy("compose-hash", composeHash, false);
    }

    /// @notice Allows a device at once.
    function addDevice(bytes32 deviceId) external onlyOwner {
        require(deviceId != bytes32(0), "invalid device ID");
        _addDevice(deviceId);
    }

    /// @notice Disallows a device at once.
    function removeDevice(bytes32 deviceId) external onlyOwner {
        allowedDeviceIds[deviceId] = false;
        emit DeviceRemoved(deviceId);
        _emitPolicy("device", deviceId, false);
    }

    /// @notice Allows every device, or the listed ones only, at once.
    function setAllowAnyDevice(bool allowAnyDevice_) external onlyOwner {
        allowAnyDevice = allowAnyDevice_;
        emit AllowAnyDeviceSet(allowAnyDevice_);
        _emitPolicy("allow-any-device", bytes32(0), allowAnyDevice_);
    }

    /// @notice Sets the TCB requirement at once.
    function setRequireTcbUpToDate(bool requireUpToDate) external onlyOwner {
        requireTcbUpToDate = requireUpToDate;
        emit RequireTcbUpToDateSet(requireUpToDate);
        _emitPolicy("require-tcb-up-to-date", bytes32(0), requireUpToDate);
    }

    /// @notice Makes the implementation final.
    function disableUpgrades() external onlyOwner {
        _upgradesDisabled = true;
        emit UpgradesDisabled();
        _emitPolicy("upgrades-disabled", bytes32(0), true);
    }

    /// @inheritdoc IDstackAppAuth
    function isAppAllowed(AppBootInfo calldata bootInfo)
        external
        view
        returns (bool isAllowed, string memory reason)
    {
        if (requireTcbUpToDate && keccak256(bytes(bootInfo.tcbStatus)) != keccak256("UpToDate")) {
            return (false, "TCB status is not up to date");
        }
        if (!allowedComposeHashes[bootInfo.composeHash]) {
            return (false, "Compose hash not allowed");
        }
        if (!allowAnyDevice && !allowedDeviceIds[bootInfo.deviceId]) {
            return (false, "Device not allowed");
        }
        return (true, "");
    }

    /// @notice Version of the stock contract this stands in for.
    function version() external pure returns (uint256) {
        return 2;
    }

    /// @notice ERC-165: IAppAuth, IAppAuthBasicManagement and ERC-165 itself.
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == 0x1e079198 || interfaceId == 0x8fd37527 || interfaceId == 0x01ffc9a7;
    }

    function _initialize(
        address initialOwner,
        bool disableUpgrades_,
        bool requireTcbUpToDate_,
        bool allowAnyDevice_,
        bytes32 initialDeviceId,
        bytes32 initialComposeHash
    ) private {
        require(initialOwner != address(0), "invalid owner address");
        _upgradesDisabled = disableUpgrades_;
        requireTcbUpToDate = requireTcbUpToDate_;
        allowAnyDevice = allowAnyDevice_;
        if (initialDeviceId != bytes32(0)) _addDevice(initialDeviceId);
        if (initialComposeHash != bytes32(0)) _addComposeHash(initialComposeHash);
        _initializeOwner(initialOwner);
    }

    function _addComposeHash(bytes32 composeHash) private {
        allowedComposeHashes[composeHash] = true;
        emit ComposeHashAdded(composeHash);
        _emitPolicy("compose-hash", composeHash, true);
    }

    function _addDevice(bytes32 deviceId) private {
        allowedDeviceIds[deviceId] = true;
        emit DeviceAdded(deviceId);
        _emitPolicy("device", deviceId, true);
    }

    function _authorizeUpgrade(address newImplementation) internal override onlyOwner {
        require(!_upgradesDisabled, "Upgrades are permanently disabled");
        _emitPolicy("implementation-upgrade", _asWord(newImplementation), true);
    }
}
