// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../AppAuth.sol";
import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {IDstackAppAuth} from "../interfaces/IDstackAppAuth.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {LocalDstackKms} from "../local/LocalDstackKms.sol";
import {LocalProxy} from "../local/LocalProxy.sol";
import {AppAuthFixture} from "./helpers/AppAuthFixture.sol";

/// @notice `isAppAllowed`, asked directly and through the KMS that real instances ask.
contract AppAuthBootDecisionTest is AppAuthFixture {
    LocalDstackKms internal kms;

    function setUp() public override {
        super.setUp();
        bytes memory call = abi.encodeCall(LocalDstackKms.initialize, (OWNER, address(0)));
        kms = LocalDstackKms(address(new LocalProxy(address(new LocalDstackKms()), call)));
        kms.registerApp(address(app));
        vm.startPrank(OWNER);
        kms.addOsImageHash(IMAGE);
        kms.addOsImageHash(NEW_IMAGE);
        vm.stopPrank();
    }

    function answers(IDstackAppAuth.AppBootInfo memory info, string memory expected) private view {
        (bool allowed, string memory reason) = app.isAppAllowed(info);
        assertEq(reason, expected);
        assertEq(allowed, bytes(expected).length == 0);
        if (info.appId != address(app)) return;
        (bool allowedByKms, string memory reasonOfKms) = kms.isAppAllowed(info);
        assertEq(allowedByKms, allowed);
        assertEq(reasonOfKms, reason);
    }

    /// Stock order and stock words: TCB, compose hash, device; ours before and behind.
    function test_ShouldGiveTheStockReasonsInStockOrder() public view {
        IDstackAppAuth.AppBootInfo memory info = bootInfo();
        info.appId = address(0x1);
        info.tcbStatus = "OutOfDate";
        info.composeHash = NEW_HASH;
        info.deviceId = NEW_DEVICE;
        info.osImageHash = NEW_IMAGE;
        answers(info, "App id is not this contract");
        info.appId = address(app);
        answers(info, "TCB status is not up to date");
        info.tcbStatus = "UpToDate";
        answers(info, "Compose hash not allowed");
        info.composeHash = HASH;
        answers(info, "Device not allowed");
        info.deviceId = DEVICE;
        answers(info, "OS image not allowed by the app");
        info.osImageHash = IMAGE;
        answers(info, "");
    }

    /// The naive specification: what a set of settings accepts, written as one expression.
    function test_ShouldEqualTheSpecificationForEverySetting(
        IDstackAppAuth.AppBootInfo memory info,
        uint256 settings
    ) public {
        if (settings & 1 != 0) info.appId = address(app);
        if (settings & 2 != 0) info.composeHash = HASH;
        if (settings & 4 != 0) info.deviceId = DEVICE;
        if (settings & 8 != 0) info.osImageHash = IMAGE;
        if (settings & 16 != 0) info.tcbStatus = "UpToDate";
        if (settings & 32 != 0) widen(Kinds.ANY_DEVICE, ONE);
        if (settings & 64 != 0) widen(Kinds.ANY_OS_IMAGE, ONE);
        if (settings & 128 != 0) widen(Kinds.TCB_REQUIREMENT, 0);
        bool expected = info.appId == address(app) && info.composeHash == HASH
            && (info.deviceId == DEVICE || settings & 32 != 0)
            && (info.osImageHash == IMAGE || settings & 64 != 0)
            && (keccak256(bytes(info.tcbStatus)) == keccak256("UpToDate") || settings & 128 != 0);
        (bool allowed, string memory reason) = app.isAppAllowed(info);
        assertEq(allowed, expected);
        assertEq(bytes(reason).length == 0, expected);
    }

    /// Never reverts for anything that is a boot info, however long its parts.
    function test_ShouldNeverRevert(IDstackAppAuth.AppBootInfo memory info, bool strictly) public {
        if (!strictly) app = new AppAuth(loose());
        app.isAppAllowed(info);
        info.appId = address(app);
        app.isAppAllowed(info);
    }

    function test_WhenTheTCBStatusIsNotTheVeryWord(string calldata status) public {
        IDstackAppAuth.AppBootInfo memory info = bootInfo();
        info.tcbStatus = status;
        bool same = keccak256(bytes(status)) == keccak256("UpToDate");
        answers(info, same ? "" : "TCB status is not up to date");
        widen(Kinds.TCB_REQUIREMENT, 0);
        answers(info, "");
    }

    function test_WhenTheTCBStatusIsAlmostTheWord() public view {
        IDstackAppAuth.AppBootInfo memory info = bootInfo();
        string[5] memory others = ["", "uptodate", "UpToDate ", "UpToDat", "UpToDate\x00"];
        for (uint256 i = 0; i < others.length; ++i) {
            info.tcbStatus = others[i];
            answers(info, "TCB status is not up to date");
        }
    }

    /// The fields that say nothing here change nothing.
    function test_WhenFieldsChangeThatMeanNothingHere(
        address instanceId,
        bytes32 aggregated,
        bytes32 system,
        string[] memory advisories
    ) public view {
        IDstackAppAuth.AppBootInfo memory info = bootInfo();
        info.instanceId = instanceId;
        info.mrAggregated = aggregated;
        info.mrSystem = system;
        info.advisoryIds = advisories;
        answers(info, "");
    }

    /// Through the KMS: its own legs first, then the app's answer as it is.
    function test_GivenTheKMSRefuses() public {
        IDstackAppAuth.AppBootInfo memory info = bootInfo();
        vm.prank(OWNER);
        kms.removeOsImageHash(IMAGE);
        (bool allowed, string memory reason) = kms.isAppAllowed(info);
        assertFalse(allowed);
        assertEq(reason, "OS image is not allowed");
        info.appId = address(new AppAuth(strict()));
        (allowed, reason) = kms.isAppAllowed(info);
        assertFalse(allowed);
        assertEq(reason, "App not registered");
    }

    /// A new version through the KMS, second by second around its times.
    function test_GivenAVersionComesAndGoes() public {
        IDstackAppAuth.AppBootInfo memory info = bootInfo();
        info.composeHash = NEW_HASH;
        propose(Kinds.COMPOSE_HASH, NEW_HASH);
        answers(info, "Compose hash not allowed");
        vm.warp(START + NOTICE);
        // Ripe is not yet allowed.
        answers(info, "Compose hash not allowed");
        app.activateComposeHash(NEW_HASH);
        answers(info, "");
        vm.prank(GUARDIAN);
        app.removeComposeHash(NEW_HASH);
        answers(info, "Compose hash not allowed");
    }
}
