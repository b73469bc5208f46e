// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IDstackAppAuth} from "../interfaces/IDstackAppAuth.sol";
import {LocalUpgradeable} from "./LocalUpgradeable.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";

/// @title Stand-in for dstack's DstackKms
/// @notice Local stand-in: for local chains and tests only, own code, never deployed elsewhere. Put
/// an ERC1967Proxy in front of it: tools read the implementation from the proxy's ERC-1967 slot.
/// @dev ABI, events, reasons, check order and storage slots as in stock DstackKms of 2026.
contract LocalDstackKms is LocalUpgradeable, IDstackAppAuth {
    /// @notice The KMS's public identity.
    /// @param k256Pubkey Root of all signature chains, 33 bytes, SEC 1 compressed.
    /// @param caPubkey Root of its certificates, a DER SubjectPublicKeyInfo.
    /// @param quote TDX quote of the KMS.
    /// @param eventlog Event log to the quote.
    struct KmsInfo {
        bytes k256Pubkey;
        bytes caPubkey;
        bytes quote;
        bytes eventlog;
    }

    /// @notice The KMS's public identity. Slots 0 to 3.
    KmsInfo public kmsInfo;

    /// @notice App id of the trusted gateway, as text. Slot 4.
    string public gatewayAppId;

    /// @notice Whether an app id is registered. Slot 5.
    mapping(address appId => bool) public registeredApps;

    /// @notice Whether a KMS may have this aggregated measurement. Slot 6.
    mapping(bytes32 mrAggregated => bool) public kmsAllowedAggregatedMrs;

    /// @notice Whether a KMS may run on this device. Slot 7.
    mapping(bytes32 deviceId => bool) public kmsAllowedDeviceIds;

    /// @notice Whether an OS image may run. Slot 8.
    mapping(bytes32 osImageHash => bool) public allowedOsImages;

    /// @notice What the factory puts behind its proxies. Slot 9.
    address public appImplementation;

    /// @notice An app id was registered.
    event AppRegistered(address appId);

    /// @notice The factory deployed an app.
    event AppDeployedViaFactory(address indexed appId, address indexed deployer);

    /// @notice The factory's implementation was set.
    event AppImplementationSet(address implementation);

    /// @notice The identity was set.
    event KmsInfoSet(bytes k256Pubkey);

    /// @notice A KMS measurement was allowed.
    event KmsAggregatedMrAdded(bytes32 mrAggregated);

    /// @notice A KMS measurement was disallowed.
    event KmsAggregatedMrRemoved(bytes32 mrAggregated);

    /// @notice A KMS device was allowed.
    event KmsDeviceAdded(bytes32 deviceId);

    /// @notice A KMS device was disallowed.
    event KmsDeviceRemoved(bytes32 deviceId);

    /// @notice An OS image was allowed.
    event OsImageHashAdded(bytes32 osImageHash);

    /// @notice An OS image was disallowed.
    event OsImageHashRemoved(bytes32 osImageHash);

    /// @notice The gateway was set.
    event GatewayAppIdSet(string gatewayAppId);

    /// @notice Initializer; a zero implementation leaves the factory without one.
    function initialize(address initialOwner, address appImplementation_) external initializer {
        _initializeOwner(initialOwner);
        if (appImplementation_ != address(0)) _setAppImplementation(appImplementation_);
    }

    /// @notice Registers an app id. As in stock: anybody, any address but zero, for ever.
    function registerApp(address appId) public {
        require(appId != address(0), "Invalid app ID");
        registeredApps[appId] = true;
        emit AppRegistered(appId);
        _emitPolicy("registered-app", _asWord(appId), true);
    }

    /// @notice Deploys and registers an app (selector 0x9cb9c31f).
    function deployAndRegisterApp(
        address initialOwner,
        bool disableUpgrades,
        bool requireTcbUpToDate,
        bool allowAnyDevice,
        bytes32 initialDeviceId,
        bytes32 initialComposeHash
    ) public returns (address appId) {
        require(appImplementation != address(0), "DstackApp implementation not set");
        require(initialOwner != address(0), "Invalid owner address");
        // The name is overloaded, so its selector is written out: the six-argument initializer.
        bytes memory call = abi.encodeWithSelector(
            0x9ed28193,
            initialOwner,
            disableUpgrades,
            requireTcbUpToDate,
            allowAnyDevice,
            initialDeviceId,
            initialComposeHash
        );
        appId = address(new ERC1967Proxy(appImplementation, call));
        registerApp(appId);
        emit AppDeployedViaFactory(appId, msg.sender);
    }

    /// @notice Deploys and registers an app without a TCB requirement (selector 0x8618169d).
    function deployAndRegisterApp(
        address initialOwner,
        bool disableUpgrades,
        bool allowAnyDevice,
        bytes32 initialDeviceId,
        bytes32 initialComposeHash
    ) external returns (address appId) {
        return deployAndRegisterApp(
            initialOwner,
            disableUpgrades,
            false,
            allowAnyDevice,
            initialDeviceId,
            initialComposeHash
        );
    }

    /// @notice Sets the identity.
    function setKmsInfo(KmsInfo calldata info) external onlyOwner {
        kmsInfo = info;
        emit KmsInfoSet(info.k256Pubkey);
        _emitPolicy("kms-info", keccak256(info.k256Pubkey), true);
    }

    /// @notice Sets the quote. As in stock: no event.
    function setKmsQuote(bytes calldata quote) external onlyOwner {
        kmsInfo.quote = quote;
    }

    /// @notice Sets the event log. As in stock: no event.
    function setKmsEventlog(bytes calldata eventlog) external onlyOwner {
        kmsInfo.eventlog = eventlog;
    }

    /// @notice Sets the gateway.
    function setGatewayAppId(string calldata appId) external onlyOwner {
        gatewayAppId = appId;
        emit GatewayAppIdSet(appId);
        _emitPolicy("gateway-app-id", keccak256(bytes(appId)), true);
    }

    /// @notice Sets the factory's implementation.
    function setAppImplementation(address implementation) external onlyOwner {
        require(implementation != address(0), "Invalid implementation address");
        _setAppImplementation(implementation);
    }

    /// @notice Allows a KMS measurement.
    function addKmsAggregatedMr(bytes32 mrAggregated) external onlyOwner {
        kmsAllowedAggregatedMrs[mrAggregated] = true;
        emit KmsAggregatedMrAdded(mrAggregated);
        _emitPolicy("kms-aggregated-mr", mrAggregated, true);
    }

    /// @notice Disallows a KMS measurement.
    function removeKmsAggregatedMr(bytes32 mrAggregated) external onlyOwner {
        kmsAllowedAggregatedMrs[mrAggregated] = false;
        emit KmsAggregatedMrRemoved(mrAggregated);
        _emitPolicy("kms-aggregated-mr", mrAggregated, false);
    }

    /// @notice Allows a KMS device.
    function addKmsDevice(bytes32 deviceId) external onlyOwner {
        kmsAllowedDeviceIds[deviceId] = true;
        emit KmsDeviceAdded(deviceId);
        _emitPolicy("kms-device", deviceId, true);
    }

    /// @notice Disallows a KMS device.
    function removeKmsDevice(bytes32 deviceId) external onlyOwner {
        kmsAllowedDeviceIds[deviceId] = false;
        emit KmsDeviceRemoved(deviceId);
        _emitPolicy("kms-device", deviceId, false);
    }

    /// @notice Allows an OS image.
    function addOsImageHash(bytes32 osImageHash) external onlyOwner {
        allowedOsImages[osImageHash] = true;
        emit OsImageHashAdded(osImageHash);
        _emitPolicy("os-image", osImageHash, true);
    }

    /// @notice Disallows an OS image.
    function removeOsImageHash(bytes32 osImageHash) external onlyOwner {
        allowedOsImages[osImageHash] = false;
        emit OsImageHashRemoved(osImageHash);
        _emitPolicy("os-image", osImageHash, false);
    }

    /// @inheritdoc IDstackAppAuth
    /// @dev Forwards the app's answer as it is: no gas cap, and a reverting app reverts this.
    function isAppAllowed(AppBootInfo calldata bootInfo)
        external
        view
        returns (bool isAllowed, string memory reason)
    {
        if (!registeredApps[bootInfo.appId]) return (false, "App not registered");
        if (!allowedOsImages[bootInfo.osImageHash]) return (false, "OS image is not allowed");
        if (bootInfo.appId.code.length == 0) {
            return (false, "App not deployed or invalid address");
        }
        return IDstackAppAuth(bootInfo.appId).isAppAllowed(bootInfo);
    }

    /// @notice Whether a KMS instance may boot, and if not, why.
    function isKmsAllowed(AppBootInfo calldata bootInfo)
        external
        view
        returns (bool isAllowed, string memory reason)
    {
        if (keccak256(bytes(bootInfo.tcbStatus)) != keccak256("UpToDate")) {
            return (false, "TCB status is not up to date");
        }
        if (!allowedOsImages[bootInfo.osImageHash]) return (false, "OS image is not allowed");
        if (!kmsAllowedAggregatedMrs[bootInfo.mrAggregated]) {
            return (false, "Aggregated MR not allowed");
        }
        if (!kmsAllowedDeviceIds[bootInfo.deviceId]) {
            return (false, "KMS is not allowed to boot on this device");
        }
        return (true, "");
    }

    /// @notice ERC-165: IAppAuth and ERC-165 itself.
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == 0x1e079198 || interfaceId == 0x01ffc9a7;
    }

    function _setAppImplementation(address implementation) private {
        appImplementation = implementation;
        emit AppImplementationSet(implementation);
        _emitPolicy("app-implementation", _asWord(implementation), true);
    }

    function _authorizeUpgrade(address newImplementation) internal override onlyOwner {
        _emitPolicy("implementation-upgrade", _asWord(newImplementation), true);
    }
}
