// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {IDstackAppAuthManagement} from "../interfaces/IDstackAppAuth.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {AppAuthFixture} from "./helpers/AppAuthFixture.sol";
import {Vm} from "forge-std/Vm.sol";

contract AppAuthRemovalTest is AppAuthFixture {
    function either(bool guardian) private pure returns (address) {
        return guardian ? GUARDIAN : OWNER;
    }

    /*//////////////////////////////////////////////////////////////////////////
                                     REMOVE
    //////////////////////////////////////////////////////////////////////////*/

    function test_Remove_WhenTheOwnerOrTheGuardianCalls(bool asGuardian) public {
        address caller = either(asGuardian);
        bytes32 root = extended(app.historyRoot(), 0x41, HASH, caller);
        vm.recordLogs();
        vm.startPrank(caller);
        app.removeComposeHash(HASH);
        assertFalse(app.allowedComposeHashes(HASH));
        assertEq(app.historyRoot(), root);
        app.removeDevice(DEVICE);
        assertFalse(app.allowedDeviceIds(DEVICE));
        root = extended(root, 0x42, DEVICE, caller);
        assertEq(app.historyRoot(), root);
        app.remove(Kinds.OS_IMAGE, IMAGE);
        root = extended(root, 0x45, IMAGE, caller);
        assertEq(app.historyRoot(), root);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 6);
        isLog(logs[0], IDstackAppAuthManagement.ComposeHashRemoved.selector, HASH);
        isLog(logs[2], IDstackAppAuthManagement.DeviceRemoved.selector, DEVICE);
        isLog(logs[4], IAppAuth.OsImageRemoved.selector, IMAGE);
    }

    function isLog(Vm.Log memory log, bytes32 topic, bytes32 value) private pure {
        assertEq(log.topics.length, 1);
        assertEq(log.topics[0], topic);
        assertEq(log.data, abi.encode(value));
    }

    function test_Remove_RevertWhen_AStrangerCalls(address caller, uint8 kind, bytes32 value)
        public
    {
        vm.assume(caller != OWNER && caller != GUARDIAN);
        vm.startPrank(caller);
        expectNotOwnerOrGuardian(caller);
        app.remove(kind, value);
        expectNotOwnerOrGuardian(caller);
        app.removeComposeHash(HASH);
        expectNotOwnerOrGuardian(caller);
        app.removeDevice(DEVICE);
        expectNotOwnerOrGuardian(caller);
        app.setAllowAnyDevice(false);
    }

    function test_Remove_RevertWhen_TheKindHasNothingToRemove(uint8 kind, bytes32 value) public {
        vm.assume(kind == 0 || kind == Kinds.TCB_REQUIREMENT || kind > Kinds.OS_IMAGE);
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.InvalidKind.selector, kind));
        vm.prank(OWNER);
        app.remove(kind, value);
    }

    function test_Remove_RevertWhen_TheKindIsAnyDeviceAndTheValueNotOne(bytes32 value) public {
        vm.assume(value != ONE);
        expectRevertOf(IAppAuth.InvalidValue.selector, Kinds.ANY_DEVICE, value);
        vm.prank(OWNER);
        app.remove(Kinds.ANY_DEVICE, value);
    }

    /// Whatever the state of a value, it is neither allowed nor pending afterwards, and only new notice
    /// brings it back.
    function test_Remove_GivenItIsInForceOrPendingOrNeither(
        uint256 seed,
        uint8 life,
        uint256 wait,
        bool asGuardian
    ) public {
        uint8[4] memory kinds = [Kinds.COMPOSE_HASH, Kinds.DEVICE, Kinds.OS_IMAGE, Kinds.ANY_DEVICE];
        uint8 kind = kinds[seed % 4];
        bytes32 value = widening(kind);
        life = life % 3;
        if (life == 1) propose(kind, value);
        if (life == 2) widen(kind, value);
        skip(bound(wait, 0, 60 days));
        vm.prank(either(asGuardian));
        app.remove(kind, value);
        assertFalse(inForce(kind, value));
        assertEq(app.ripeAt(kind, value), 0);
        assertEq(app.pendingCount(), 0);
        assertEq(app.earliest(kind, value), block.timestamp + NOTICE);
        expectRevertOf(IAppAuth.NotPending.selector, kind, value);
        app.activate(kind, value);
        widen(kind, value);
        assertTrue(inForce(kind, value));
    }

    function test_Remove_GivenItIsPending() public {
        propose(Kinds.COMPOSE_HASH, NEW_HASH);
        bytes32 root = extended(app.historyRoot(), 0x21, NEW_HASH, GUARDIAN);
        vm.recordLogs();
        vm.prank(GUARDIAN);
        app.removeComposeHash(NEW_HASH);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 2);
        assertEq(logs[0].topics[0], IAppAuth.ComposeHashCancelled.selector);
        assertEq(logs[0].topics[1], NEW_HASH);
        assertEq(logs[0].topics[2], word(GUARDIAN));
        assertEq(app.historyRoot(), root);
    }

    function test_Remove_GivenItIsNeither(bytes32 value, bool asGuardian) public {
        vm.assume(value != HASH && value != DEVICE && value != IMAGE);
        bytes32 root = app.historyRoot();
        vm.recordLogs();
        vm.startPrank(either(asGuardian));
        app.remove(Kinds.COMPOSE_HASH, value);
        app.remove(Kinds.DEVICE, value);
        app.remove(Kinds.OS_IMAGE, value);
        app.setAllowAnyDevice(false);
        assertEq(vm.getRecordedLogs().length, 0);
        assertEq(app.historyRoot(), root);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                   ALLOWED AT
    //////////////////////////////////////////////////////////////////////////*/

    function test_AllowedAt_GivenTheComposeHashIsAllowed(uint32 life, uint256 asked) public {
        vm.warp(START + life);
        assertEq(app.allowedAt(HASH, asked), asked >= START && asked <= START + life);
    }

    function test_AllowedAt_GivenTheComposeHashWasRemoved(uint32 life, uint32 rest, uint256 asked)
        public
    {
        vm.warp(START + life);
        vm.prank(GUARDIAN);
        app.removeComposeHash(HASH);
        vm.warp(START + life + uint256(rest));
        assertEq(app.allowedAt(HASH, asked), asked >= START && asked < START + life);
        assertFalse(app.allowedAt(NEW_HASH, asked));
    }

    /// Allowed and removed within one second: no time at which it was allowed.
    function test_AllowedAt_GivenItWasRemovedWithinTheSecond() public {
        widen(Kinds.COMPOSE_HASH, NEW_HASH);
        vm.prank(OWNER);
        app.removeComposeHash(NEW_HASH);
        assertFalse(app.allowedAt(NEW_HASH, block.timestamp));
        skip(1);
        assertFalse(app.allowedAt(NEW_HASH, block.timestamp - 1));
        assertFalse(app.allowedAt(NEW_HASH, block.timestamp));
    }

    function test_AllowedAt_GivenItWasAllowedAgain() public {
        vm.warp(START + 1 days);
        assertTrue(app.allowedAt(HASH, START));
        assertTrue(app.allowedAt(HASH, block.timestamp));
        assertFalse(app.allowedAt(HASH, block.timestamp + 1));
        vm.prank(OWNER);
        app.removeComposeHash(HASH);
        assertTrue(app.allowedAt(HASH, START + 1 days - 1));
        assertFalse(app.allowedAt(HASH, START + 1 days));

        // A proposal changes nothing of the past.
        propose(Kinds.COMPOSE_HASH, HASH);
        assertTrue(app.allowedAt(HASH, START + 1 days - 1));
        skip(NOTICE);
        assertFalse(app.allowedAt(HASH, block.timestamp));
        app.activateComposeHash(HASH);
        assertTrue(app.allowedAt(HASH, block.timestamp));
        assertFalse(app.allowedAt(HASH, block.timestamp - 1));
        // Only the latest interval is kept.
        assertFalse(app.allowedAt(HASH, START));
    }
}
