// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IDstackAppAuth} from "../interfaces/IDstackAppAuth.sol";
import {LocalUpgradeable} from "./LocalUpgradeable.sol";

/// @title Stand-in for the app contract of the generation before DstackApp
/// @notice Local stand-in: for local chains and tests only, own code, never deployed elsewhere.
/// @dev ABI, events, reasons and storage slots as in AppAuth of 2025: it is told which app id it decides
/// about, has no TCB switch and no audit event. Unlike there, ownership is handed over in two steps.
contract LocalLegacyAppAuth is LocalUpgradeable, IDstackAppAuth {
    /// @notice The app id this contract decides about. Slot 0.
    address public appId;

    /// @notice Whether a compose hash may boot. Slot 1.
    mapping(bytes32 composeHash => bool) public allowedComposeHashes;

    /// @dev Slot 2, lowest byte. No getter.
    bool private _upgradesDisabled;

    /// @notice Whether every device may boot the app. Slot 2, second byte.
    bool public allowAnyDevice;

    /// @notice Whether a device may boot the app. Slot 3.
    mapping(bytes32 deviceId => bool) public allowedDeviceIds;

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

    /// @notice The implementation is final.
    event UpgradesDisabled();

    /// @notice Initializer (selector 0x48d8a36a). A zero id or hash is none.
    function initialize(
        address initialOwner,
        address appId_,
        bool disableUpgrades_,
        bool allowAnyDevice_,
        bytes32 initialDeviceId,
        bytes32 initialComposeHash
    ) external initializer {
        require(initialOwner != address(0), "Invalid owner address");
        require(appId_ != address(0), "Invalid app ID");
        appId = appId_;
        _upgradesDisabled = disableUpgrades_;
        allowAnyDevice = allowAnyDevice_;
        if (initialDeviceId != bytes32(0)) {
            allowedDeviceIds[initialDeviceId] = true;
            emit DeviceAdded(initialDeviceId);
        }
        if (initialComposeHash != bytes32(0)) {
            allowedComposeHashes[initialComposeHash] = true;
            emit ComposeHashAdded(initialComposeHash);
        }
        _initializeOwner(initialOwner);
    }

    /// @notice Allows a compose hash at once.
    function addComposeHash(bytes32 composeHash) external onlyOwner {
        allowedComposeHashes[composeHash] = true;
        emit ComposeHashAdded(composeHash);
    }

    /// @notice Disallows a compose hash at once.
    function removeComposeHash(bytes32 composeHash) external onlyOwner {
        allowedComposeHashes[composeHash] = false;
        emit ComposeHashRemoved(composeHash);
    }

    /// @notice Allows a device at once.
    function addDevice(bytes32 deviceId) external onlyOwner {
        allowedDeviceIds[deviceId] = true;
        emit DeviceAdded(deviceId);
    }

    /// @notice Disallows a device at once.
    function removeDevice(bytes32 deviceId) external onlyOwner {
        allowedDeviceIds[deviceId] = false;
        emit DeviceRemoved(deviceId);
    }

    /// @notice Allows every device, or the listed ones only, at once.
    function setAllowAnyDevice(bool allowAnyDevice_) external onlyOwner {
        allowAnyDevice = allowAnyDevice_;
        emit AllowAnyDeviceSet(allowAnyDevice_);
    }

    /// @notice Makes the implementation final.
    function disableUpgrades() external onlyOwner {
        _upgradesDisabled = true;
        emit UpgradesDisabled();
    }

    /// @inheritdoc IDstackAppAuth
    function isAppAllowed(AppBootInfo calldata bootInfo)
        external
        view
        returns (bool isAllowed, string memory reason)
    {
        if (bootInfo.appId != appId) return (false, "Wrong app controller");
        if (!allowedComposeHashes[bootInfo.composeHash]) {
            return (false, "Compose hash not allowed");
        }
        if (!allowAnyDevice && !allowedDeviceIds[bootInfo.deviceId]) {
            return (false, "Device not allowed");
        }
        return (true, "");
    }

    function _authorizeUpgrade(address) internal view override onlyOwner {
        require(!_upgradesDisabled, "Upgrades are permanently disabled");
    }
}
