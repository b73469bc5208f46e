// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IDstackAppAuth} from "../interfaces/IDstackAppAuth.sol";
import {LocalDstackApp} from "../local/LocalDstackApp.sol";
import {LocalDstackKms} from "../local/LocalDstackKms.sol";
import {LocalUpgradeable} from "../local/LocalUpgradeable.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {Test} from "forge-std/Test.sol";
import {Vm} from "forge-std/Vm.sol";

/// @notice The stand-ins against the numbers of the stock contracts: selectors, topics, slots,
/// reasons and their order.
contract LocalDstackTest is Test {
    address internal constant OWNER = address(0x0123);
    address internal constant STRANGER = address(0x89ab);
    bytes32 internal constant HASH = keccak256("compose");
    bytes32 internal constant DEVICE = keccak256("device");
    bytes32 internal constant IMAGE = keccak256("image");
    bytes32 internal constant IMPLEMENTATION_SLOT =
        0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

    LocalDstackApp internal implementation;
    LocalDstackKms internal kms;
    LocalDstackApp internal app;

    function setUp() public {
        implementation = new LocalDstackApp();
        LocalDstackKms logic = new LocalDstackKms();
        bytes memory call =
            abi.encodeCall(LocalDstackKms.initialize, (OWNER, address(implementation)));
        kms = LocalDstackKms(address(new ERC1967Proxy(address(logic), call)));
        app = LocalDstackApp(kms.deployAndRegisterApp(OWNER, false, true, bytes32(0), HASH));
        vm.prank(OWNER);
        kms.addOsImageHash(IMAGE);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                     NUMBERS
    //////////////////////////////////////////////////////////////////////////*/

    function test_topics() public pure {
        assertEq(
            LocalDstackApp.ComposeHashAdded.selector,
            0xfecb34306dd9d8b785b54d65489d06afc8822a0893ddacedff40c50a4942d0af
        );
        assertEq(
            LocalDstackApp.ComposeHashRemoved.selector,
            0x755b79bd4b0eeab344d032284a99003b2ddc018b646752ac72d681593a6e8947
        );
        assertEq(
            LocalDstackApp.DeviceAdded.selector,
            0x67fc71ab96fe3fa3c6f78e9a00e635d591b7333ce611c0380bc577aac702243b
        );
        assertEq(
            LocalDstackApp.DeviceRemoved.selector,
            0xe0862975ac517b0478d308012afabc4bc37c23874a18144d7f2dfb852ff95c2c
        );
        assertEq(
            LocalDstackApp.AllowAnyDeviceSet.selector,
            0xbb2cdb6c7b362202d40373f87bc4788301cca658f91711ac1662e1ad2cba4a20
        );
        assertEq(
            LocalDstackApp.RequireTcbUpToDateSet.selector,
            0xafae60561b2481a349b45b3a47357f70eef6ae67e5b6e1749d74de7f19a25aa1
        );
        assertEq(
            LocalDstackApp.UpgradesDisabled.selector,
            0x0e5daa943fcd7e7182d0e893d180695c2ea9f6f1b4a1c5432faf14cf17b774e8
        );
        assertEq(
            LocalUpgradeable.PolicyChanged.selector,
            0x341d3bc64e32172fc5bcf27b0f7f69dc5adc19af64b7aa1dee361e5883c32375
        );
        assertEq(
            LocalDstackKms.AppRegistered.selector,
            0x0d540ad8f39e07d19909687352b9fa017405d93c91a6760981fbae9cf28bfef7
        );
        assertEq(
            LocalDstackKms.AppDeployedViaFactory.selector,
            0xfd86d7f6962eba3b7a3bf9129c06c0b2f885e1c61ef2c9f0dbb856be0deefdee
        );
        assertEq(first4(LocalUpgradeable.OwnershipTransferred.selector), 0x8be0079c);
        assertEq(first4(LocalUpgradeable.OwnershipTransferStarted.selector), 0x38d16b8c);
        assertEq(first4(LocalDstackKms.OsImageHashAdded.selector), 0x49118435);
        assertEq(first4(LocalDstackKms.OsImageHashRemoved.selector), 0x99b3cee9);
        assertEq(first4(LocalDstackKms.GatewayAppIdSet.selector), 0x5b2b64f7);
        assertEq(first4(LocalDstackKms.KmsInfoSet.selector), 0x77cdad11);
        assertEq(first4(LocalDstackKms.KmsAggregatedMrAdded.selector), 0x68615a0b);
        assertEq(first4(LocalDstackKms.KmsDeviceAdded.selector), 0xf2b29063);
        assertEq(first4(LocalDstackKms.AppImplementationSet.selector), 0x08bb433f);
    }

    function first4(bytes32 topic) private pure returns (uint32) {
        return uint32(bytes4(topic));
    }

    function test_selectors() public view {
        assertEq(IDstackAppAuth.isAppAllowed.selector, bytes4(0x1e079198));
        assertEq(kms.isKmsAllowed.selector, bytes4(0xe067ec9d));
        assertEq(app.addComposeHash.selector, bytes4(0xdfc77223));
        assertEq(app.removeComposeHash.selector, bytes4(0x67b3f22c));
        assertEq(app.addDevice.selector, bytes4(0x2a819728));
        assertEq(app.removeDevice.selector, bytes4(0x1d266200));
        assertEq(app.allowedComposeHashes.selector, bytes4(0x2f6622e5));
        assertEq(app.allowedDeviceIds.selector, bytes4(0xbf8b211b));
        assertEq(app.allowAnyDevice.selector, bytes4(0x3440a16a));
        assertEq(app.requireTcbUpToDate.selector, bytes4(0x0aa58c83));
        assertEq(app.setAllowAnyDevice.selector, bytes4(0x7c4beeb8));
        assertEq(app.setRequireTcbUpToDate.selector, bytes4(0x6e4c7422));
        assertEq(app.disableUpgrades.selector, bytes4(0xec669036));
        assertEq(app.upgradeToAndCall.selector, bytes4(0x4f1ef286));
        assertEq(app.owner.selector, bytes4(0x8da5cb5b));
        assertEq(app.pendingOwner.selector, bytes4(0xe30c3978));
        assertEq(app.version.selector, bytes4(0x54fd4d50));
        assertEq(kms.kmsInfo.selector, bytes4(0x09177063));
        assertEq(kms.gatewayAppId.selector, bytes4(0x95f51931));
        assertEq(kms.registeredApps.selector, bytes4(0xa6c4cce9));
        assertEq(kms.allowedOsImages.selector, bytes4(0x9a4e1d18));
        assertEq(kms.appImplementation.selector, bytes4(0x25a992da));
        assertEq(kms.registerApp.selector, bytes4(0x17a1d80f));
        assertEq(LocalUpgradeable.OwnableUnauthorizedAccount.selector, bytes4(0x118cdaa7));
        assertEq(LocalUpgradeable.OwnableInvalidOwner.selector, bytes4(0x1e4fbdf7));
        assertTrue(app.supportsInterface(0x1e079198) && app.supportsInterface(0x8fd37527));
        assertTrue(app.supportsInterface(0x01ffc9a7) && kms.supportsInterface(0x01ffc9a7));
        assertTrue(kms.supportsInterface(0x1e079198) && !kms.supportsInterface(0x8fd37527));
    }

    /// The overloads, called by their numbers.
    function test_overloads() public {
        address made =
            deploy(abi.encodeWithSelector(0x9cb9c31f, OWNER, false, true, false, DEVICE, HASH));
        assertTrue(LocalDstackApp(made).requireTcbUpToDate());
        assertFalse(LocalDstackApp(made).allowAnyDevice());
        assertTrue(LocalDstackApp(made).allowedDeviceIds(DEVICE));
        made = deploy(abi.encodeWithSelector(0x8618169d, OWNER, true, true, DEVICE, HASH));
        assertFalse(LocalDstackApp(made).requireTcbUpToDate());
        assertTrue(LocalDstackApp(made).allowAnyDevice());

        bytes memory call = abi.encodeWithSelector(0x187515ca, OWNER, false, true, DEVICE, HASH);
        app = LocalDstackApp(address(new ERC1967Proxy(address(implementation), call)));
        assertEq(app.owner(), OWNER);
        assertTrue(app.allowedComposeHashes(HASH));
    }

    function deploy(bytes memory call) private returns (address) {
        (bool done, bytes memory answer) = address(kms).call(call);
        assertTrue(done);
        return abi.decode(answer, (address));
    }

    /// Slots that tools read, because stock has no getter for them or to save a call.
    function test_slots() public {
        assertEq(
            address(uint160(uint256(vm.load(address(app), IMPLEMENTATION_SLOT)))),
            address(implementation)
        );
        assertEq(vm.load(address(app), mapped(HASH, 0)), bytes32(uint256(1)));
        assertEq(vm.load(address(app), bytes32(uint256(1))), bytes32(uint256(0x0100)));
        vm.startPrank(OWNER);
        app.disableUpgrades();
        app.addDevice(DEVICE);
        app.setRequireTcbUpToDate(true);
        vm.stopPrank();
        assertEq(vm.load(address(app), bytes32(uint256(1))), bytes32(uint256(0x0101)));
        assertEq(vm.load(address(app), mapped(DEVICE, 2)), bytes32(uint256(1)));
        assertEq(vm.load(address(app), bytes32(uint256(3))), bytes32(uint256(1)));
        assertEq(
            vm.load(address(kms), mapped(bytes32(uint256(uint160(address(app)))), 5)),
            bytes32(uint256(1))
        );
        assertEq(vm.load(address(kms), mapped(IMAGE, 8)), bytes32(uint256(1)));
    }

    function mapped(bytes32 key, uint256 slot) private pure returns (bytes32) {
        return keccak256(abi.encode(key, slot));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                      EVENTS
    //////////////////////////////////////////////////////////////////////////*/

    /// Data unindexed, the typed event first, the audit event next to it.
    function test_everyChangeEmitsTwice() public {
        vm.startPrank(OWNER);
        vm.recordLogs();
        app.addComposeHash(HASH);
        expectPair(
            LocalDstackApp.ComposeHashAdded.selector, abi.encode(HASH), "compose-hash", HASH, true
        );
        app.removeComposeHash(HASH);
        expectPair(
            LocalDstackApp.ComposeHashRemoved.selector,
            abi.encode(HASH),
            "compose-hash",
            HASH,
            false
        );
        app.addDevice(DEVICE);
        expectPair(LocalDstackApp.DeviceAdded.selector, abi.encode(DEVICE), "device", DEVICE, true);
        app.removeDevice(DEVICE);
        expectPair(
            LocalDstackApp.DeviceRemoved.selector, abi.encode(DEVICE), "device", DEVICE, false
        );
        app.setAllowAnyDevice(true);
        expectPair(
            LocalDstackApp.AllowAnyDeviceSet.selector, abi.encode(true), "allow-any-device", 0, true
        );
        app.setRequireTcbUpToDate(true);
        expectPair(
            LocalDstackApp.RequireTcbUpToDateSet.selector,
            abi.encode(true),
            "require-tcb-up-to-date",
            0,
            true
        );
        app.disableUpgrades();
        expectPair(LocalDstackApp.UpgradesDisabled.selector, "", "upgrades-disabled", 0, true);

        kms.addOsImageHash(HASH);
        expectPair(
            LocalDstackKms.OsImageHashAdded.selector, abi.encode(HASH), "os-image", HASH, true
        );
        kms.removeOsImageHash(HASH);
        expectPair(
            LocalDstackKms.OsImageHashRemoved.selector, abi.encode(HASH), "os-image", HASH, false
        );
        kms.addKmsAggregatedMr(HASH);
        expectPair(
            LocalDstackKms.KmsAggregatedMrAdded.selector,
            abi.encode(HASH),
            "kms-aggregated-mr",
            HASH,
            true
        );
        kms.removeKmsAggregatedMr(HASH);
        expectPair(
            LocalDstackKms.KmsAggregatedMrRemoved.selector,
            abi.encode(HASH),
            "kms-aggregated-mr",
            HASH,
            false
        );
        kms.addKmsDevice(DEVICE);
        expectPair(
            LocalDstackKms.KmsDeviceAdded.selector, abi.encode(DEVICE), "kms-device", DEVICE, true
        );
        kms.removeKmsDevice(DEVICE);
        expectPair(
            LocalDstackKms.KmsDeviceRemoved.selector,
            abi.encode(DEVICE),
            "kms-device",
            DEVICE,
            false
        );
        kms.registerApp(STRANGER);
        expectPair(
            LocalDstackKms.AppRegistered.selector,
            abi.encode(STRANGER),
            "registered-app",
            bytes32(uint256(uint160(STRANGER))),
            true
        );
        kms.setAppImplementation(STRANGER);
        expectPair(
            LocalDstackKms.AppImplementationSet.selector,
            abi.encode(STRANGER),
            "app-implementation",
            bytes32(uint256(uint160(STRANGER))),
            true
        );
        kms.setGatewayAppId("gateway");
        expectPair(
            LocalDstackKms.GatewayAppIdSet.selector,
            abi.encode("gateway"),
            "gateway-app-id",
            keccak256("gateway"),
            true
        );
        kms.setKmsInfo(LocalDstackKms.KmsInfo("key", "ca", "quote", "log"));
        expectPair(
            LocalDstackKms.KmsInfoSet.selector,
            abi.encode("key"),
            "kms-info",
            keccak256("key"),
            true
        );

        kms.setKmsQuote("new quote");
        kms.setKmsEventlog("new log");
        assertEq(vm.getRecordedLogs().length, 0);
        (bytes memory key, bytes memory ca, bytes memory quote, bytes memory log) = kms.kmsInfo();
        assertEq(abi.encode(key, ca, quote, log), abi.encode("key", "ca", "new quote", "new log"));
        assertEq(kms.gatewayAppId(), "gateway");
    }

    function expectPair(
        bytes32 topic,
        bytes memory data,
        string memory policy,
        bytes32 value,
        bool enabled
    ) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 2);
        assertEq(logs[0].topics.length, 1);
        assertEq(logs[0].topics[0], topic);
        assertEq(logs[0].data, data);
        assertEq(logs[1].topics[0], LocalUpgradeable.PolicyChanged.selector);
        assertEq(logs[1].topics[1], bytes32(uint256(uint160(OWNER))));
        assertEq(logs[1].topics[2], keccak256(bytes(policy)));
        assertEq(logs[1].topics[3], value);
        assertEq(logs[1].data, abi.encode(enabled));
    }

    /// The first hash of an app from the factory stands in the app's own logs, in that transaction.
    function test_birthEmitsTheFirstHash() public {
        vm.recordLogs();
        address made = kms.deployAndRegisterApp(OWNER, false, true, DEVICE, HASH);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs[1].topics[0], LocalDstackApp.DeviceAdded.selector);
        assertEq(logs[3].topics[0], LocalDstackApp.ComposeHashAdded.selector);
        assertEq(logs[3].emitter, made);
        assertEq(logs[logs.length - 1].topics[0], LocalDstackKms.AppDeployedViaFactory.selector);
        assertTrue(kms.registeredApps(made));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                     BEHAVIOUR
    //////////////////////////////////////////////////////////////////////////*/

    function test_reasonsOfTheKmsInStockOrder() public {
        IDstackAppAuth.AppBootInfo memory boot;
        boot.appId = STRANGER;
        assertReason(kms, boot, "App not registered");
        kms.registerApp(STRANGER);
        assertReason(kms, boot, "OS image is not allowed");
        boot.osImageHash = IMAGE;
        assertReason(kms, boot, "App not deployed or invalid address");
        boot.appId = address(app);
        assertReason(kms, boot, "Compose hash not allowed");
        boot.composeHash = HASH;
        assertReason(kms, boot, "");
    }

    function test_reasonsOfTheAppInStockOrder() public {
        IDstackAppAuth.AppBootInfo memory boot;
        vm.startPrank(OWNER);
        app.setRequireTcbUpToDate(true);
        app.setAllowAnyDevice(false);
        vm.stopPrank();
        assertReason(app, boot, "TCB status is not up to date");
        boot.tcbStatus = "UpToDate";
        assertReason(app, boot, "Compose hash not allowed");
        boot.composeHash = HASH;
        assertReason(app, boot, "Device not allowed");
        boot.deviceId = DEVICE;
        vm.prank(OWNER);
        app.addDevice(DEVICE);
        assertReason(app, boot, "");
    }

    function assertReason(
        IDstackAppAuth target,
        IDstackAppAuth.AppBootInfo memory boot,
        string memory expected
    ) private view {
        (bool allowed, string memory reason) = target.isAppAllowed(boot);
        assertEq(reason, expected);
        assertEq(allowed, bytes(expected).length == 0);
    }

    function test_reasonsForAKmsInStockOrder() public {
        IDstackAppAuth.AppBootInfo memory boot;
        assertKmsReason(boot, "TCB status is not up to date");
        boot.tcbStatus = "UpToDate";
        assertKmsReason(boot, "OS image is not allowed");
        boot.osImageHash = IMAGE;
        assertKmsReason(boot, "Aggregated MR not allowed");
        vm.startPrank(OWNER);
        kms.addKmsAggregatedMr(0);
        assertKmsReason(boot, "KMS is not allowed to boot on this device");
        kms.addKmsDevice(0);
        assertKmsReason(boot, "");
    }

    function assertKmsReason(IDstackAppAuth.AppBootInfo memory boot, string memory expected)
        private
        view
    {
        (bool allowed, string memory reason) = kms.isKmsAllowed(boot);
        assertEq(reason, expected);
        assertEq(allowed, bytes(expected).length == 0);
    }

    function test_ownership() public {
        vm.prank(OWNER);
        app.transferOwnership(STRANGER);
        assertEq(app.owner(), OWNER);
        assertEq(app.pendingOwner(), STRANGER);
        vm.expectRevert(
            abi.encodeWithSelector(LocalUpgradeable.OwnableUnauthorizedAccount.selector, OWNER)
        );
        vm.prank(OWNER);
        app.acceptOwnership();
        vm.prank(STRANGER);
        app.acceptOwnership();
        assertEq(app.owner(), STRANGER);
        assertEq(app.pendingOwner(), address(0));
        vm.prank(STRANGER);
        app.renounceOwnership();
        assertEq(app.owner(), address(0));
    }

    function test_RevertWhen_strangersWrite() public {
        bytes[13] memory calls = [
            abi.encodeCall(app.addComposeHash, (HASH)),
            abi.encodeCall(app.removeComposeHash, (HASH)),
            abi.encodeCall(app.addDevice, (HASH)),
            abi.encodeCall(app.removeDevice, (HASH)),
            abi.encodeCall(app.setAllowAnyDevice, (true)),
            abi.encodeCall(app.setRequireTcbUpToDate, (true)),
            abi.encodeCall(app.disableUpgrades, ()),
            abi.encodeCall(app.upgradeToAndCall, (address(implementation), "")),
            abi.encodeCall(app.transferOwnership, (STRANGER)),
            abi.encodeCall(app.renounceOwnership, ()),
            abi.encodeCall(kms.addOsImageHash, (HASH)),
            abi.encodeCall(kms.setAppImplementation, (STRANGER)),
            abi.encodeCall(kms.upgradeToAndCall, (address(implementation), ""))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(STRANGER);
            (bool done, bytes memory reason) = (i < 10 ? address(app) : address(kms)).call(calls[i]);
            assertFalse(done);
            assertEq(
                reason,
                abi.encodeWithSelector(
                    LocalUpgradeable.OwnableUnauthorizedAccount.selector, STRANGER
                )
            );
        }
    }

    function test_upgradesUntilDisabled() public {
        address next = address(new LocalDstackApp());
        vm.startPrank(OWNER);
        app.upgradeToAndCall(next, "");
        assertEq(address(uint160(uint256(vm.load(address(app), IMPLEMENTATION_SLOT)))), next);
        app.disableUpgrades();
        vm.expectRevert("Upgrades are permanently disabled");
        app.upgradeToAndCall(address(implementation), "");
        LocalDstackKms logic = new LocalDstackKms();
        kms.upgradeToAndCall(address(logic), "");
    }

    function test_RevertWhen_initializedAgainOrBadly() public {
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        kms.initialize(OWNER, address(0));
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        implementation.initialize(OWNER, false, true, 0, 0);
        vm.expectRevert("Invalid owner address");
        kms.deployAndRegisterApp(address(0), false, true, 0, 0);
        vm.expectRevert("Invalid app ID");
        kms.registerApp(address(0));
        vm.startPrank(OWNER);
        vm.expectRevert("invalid compose hash");
        app.addComposeHash(0);
        vm.expectRevert("invalid device ID");
        app.addDevice(0);
        vm.expectRevert("Invalid implementation address");
        kms.setAppImplementation(address(0));
        LocalDstackKms logic = new LocalDstackKms();
        bytes memory call = abi.encodeCall(LocalDstackKms.initialize, (OWNER, address(0)));
        kms = LocalDstackKms(address(new ERC1967Proxy(address(logic), call)));
        vm.expectRevert("DstackApp implementation not set");
        kms.deployAndRegisterApp(OWNER, false, true, 0, 0);
        call = abi.encodeCall(LocalDstackKms.initialize, (address(0), address(0)));
        vm.expectRevert();
        new ERC1967Proxy(address(logic), call);
        call = abi.encodeWithSelector(0x187515ca, address(0), false, true, bytes32(0), bytes32(0));
        vm.expectRevert("invalid owner address");
        new ERC1967Proxy(address(implementation), call);
        assertEq(implementation.version(), 2);
    }
}
