// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IDstackAppAuth} from "../interfaces/IDstackAppAuth.sol";
import {LocalLegacyAppAuth} from "./LocalLegacyAppAuth.sol";
import {LocalUpgradeable} from "./LocalUpgradeable.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";

/// @title Stand-in for the KMS contract of the generation before DstackKms
/// @notice Local stand-in: for local chains and tests only, own code, never deployed elsewhere.
/// @dev ABI, events and reasons as in KmsAuth of 2025, as far as apps are concerned: it gives out app ids,
/// which are no contracts, and knows for each the contract that decides.
contract LocalLegacyKmsAuth is LocalUpgradeable, IDstackAppAuth {
    /// @notice What is known of an app id.
    /// @param isRegistered Whether it was given out.
    /// @param controller The contract that decides.
    struct AppConfig {
        bool isRegistered;
        address controller;
    }

    /// @notice App id of the trusted gateway, as text.
    string public gatewayAppId;

    /// @notice The app ids that were given out.
    mapping(address appId => AppConfig) public apps;

    /// @notice Whether an OS image may run.
    mapping(bytes32 osImageHash => bool) public allowedOsImages;

    /// @notice How many app ids an account was given.
    mapping(address account => uint256) public nextAppSequence;

    /// @notice What the factory puts behind its proxies.
    address public appAuthImplementation;

    /// @notice An app id was given out.
    event AppRegistered(address appId);

    /// @notice The factory deployed an app's contract: three arguments, another topic than today.
    event AppDeployedViaFactory(
        address indexed appId, address indexed proxyAddress, address indexed deployer
    );

    /// @notice The factory's implementation was set.
    event AppAuthImplementationSet(address implementation);

    /// @notice An OS image was allowed.
    event OsImageHashAdded(bytes32 osImageHash);

    /// @notice An OS image was disallowed.
    event OsImageHashRemoved(bytes32 osImageHash);

    /// @notice The gateway was set.
    event GatewayAppIdSet(string gatewayAppId);

    /// @notice Initializer.
    function initialize(address initialOwner, address implementation) external initializer {
        _initializeOwner(initialOwner);
        appAuthImplementation = implementation;
        emit AppAuthImplementationSet(implementation);
    }

    /// @notice The id that the caller is given next.
    function nextAppId() public view returns (address appId) {
        bytes memory words =
            abi.encodePacked(address(this), msg.sender, nextAppSequence[msg.sender]);
        return address(uint160(uint256(keccak256(words))));
    }

    /// @notice Gives out an app id about which a contract decides. Anybody, any contract.
    function registerApp(address controller) external {
        _register(controller);
    }

    /// @notice Deploys an app's contract and gives out its id (selector 0x8618169d, as today).
    function deployAndRegisterApp(
        address initialOwner,
        bool disableUpgrades,
        bool allowAnyDevice,
        bytes32 initialDeviceId,
        bytes32 initialComposeHash
    ) external returns (address appId, address proxyAddress) {
        appId = nextAppId();
        bytes memory call = abi.encodeCall(
            LocalLegacyAppAuth.initialize,
            (
                initialOwner,
                appId,
                disableUpgrades,
                allowAnyDevice,
                initialDeviceId,
                initialComposeHash
            )
        );
        proxyAddress = address(new ERC1967Proxy(appAuthImplementation, call));
        _register(proxyAddress);
        emit AppDeployedViaFactory(appId, proxyAddress, msg.sender);
    }

    /// @notice Sets the gateway.
    function setGatewayAppId(string calldata appId) external onlyOwner {
        gatewayAppId = appId;
        emit GatewayAppIdSet(appId);
    }

    /// @notice Allows an OS image.
    function addOsImageHash(bytes32 osImageHash) external onlyOwner {
        allowedOsImages[osImageHash] = true;
        emit OsImageHashAdded(osImageHash);
    }

    /// @notice Disallows an OS image.
    function removeOsImageHash(bytes32 osImageHash) external onlyOwner {
        allowedOsImages[osImageHash] = false;
        emit OsImageHashRemoved(osImageHash);
    }

    /// @inheritdoc IDstackAppAuth
    function isAppAllowed(AppBootInfo calldata bootInfo)
        external
        view
        returns (bool isAllowed, string memory reason)
    {
        AppConfig memory app = apps[bootInfo.appId];
        if (!app.isRegistered) return (false, "App not registered");
        if (!allowedOsImages[bootInfo.osImageHash]) return (false, "OS image is not allowed");
        if (app.controller == address(0)) return (false, "App controller not set");
        return IDstackAppAuth(app.controller).isAppAllowed(bootInfo);
    }

    function _register(address controller) private {
        require(controller != address(0), "Invalid controller address");
        address appId = nextAppId();
        require(!apps[appId].isRegistered, "App already registered");
        apps[appId] = AppConfig({isRegistered: true, controller: controller});
        ++nextAppSequence[msg.sender];
        emit AppRegistered(appId);
    }

    function _authorizeUpgrade(address) internal override onlyOwner {}
}
