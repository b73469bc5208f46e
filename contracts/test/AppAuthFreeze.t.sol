// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../AppAuth.sol";
import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {AppAuthFixture} from "./helpers/AppAuthFixture.sol";

contract AppAuthFreezeTest is AppAuthFixture {
    /*//////////////////////////////////////////////////////////////////////////
                                     FREEZE
    //////////////////////////////////////////////////////////////////////////*/

    /// A freeze is announced too, and may be cancelled until it is in force.
    function test_Freeze_GivenItIsAnnounced() public {
        bytes32 value = bytes32(uint256(Kinds.COMPOSE_HASH));
        propose(Kinds.FREEZE, value);
        assertFalse(app.isFrozen(Kinds.COMPOSE_HASH));
        vm.warp(START + NOTICE - 1);
        expectRevertOf(IAppAuth.NoticeNotElapsed.selector, Kinds.FREEZE, value, START + NOTICE);
        app.activate(Kinds.FREEZE, value);
        vm.prank(GUARDIAN);
        app.cancel(Kinds.FREEZE, value);
        widen(Kinds.COMPOSE_HASH, NEW_HASH);
    }

    function test_Freeze_RevertGiven_ItIsInForce(uint256 seed) public {
        uint8 kind = uint8(bound(seed, 1, 8));
        freeze(kind);
        expectRevertOf(IAppAuth.AlreadyAllowed.selector, Kinds.FREEZE, bytes32(uint256(kind)));
        propose(Kinds.FREEZE, bytes32(uint256(kind)));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                 FROZEN SETTING
    //////////////////////////////////////////////////////////////////////////*/

    function test_FrozenSetting_WhenItWouldWiden(uint256 seed, bool pendingBefore) public {
        uint8 kind = uint8(bound(seed, 1, 8));
        bytes32 value = widening(kind);
        uint256 frozenAt = START + NOTICE + 1;
        // Ripe, and thus a moment away from being activated, when the setting is frozen.
        if (pendingBefore) propose(kind, value);
        skip(1);
        freeze(kind);
        assertTrue(app.isFrozen(kind));
        for (uint8 other = 0; other < 32; ++other) {
            if (other != kind) assertFalse(app.isFrozen(other));
        }
        assertEq(block.timestamp, frozenAt);
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.KindFrozen.selector, kind));
        propose(kind, value);
        if (pendingBefore) {
            vm.expectRevert(abi.encodeWithSelector(IAppAuth.KindFrozen.selector, kind));
        } else {
            expectRevertOf(IAppAuth.NotPending.selector, kind, value);
        }
        app.activate(kind, value);
        assertFalse(inForce(kind, value));
        if (kind != Kinds.OS_IMAGE) assertEq(app.earliest(kind, value), NEVER);
    }

    /// What a freeze killed is dead: nothing tells a time for it, and anybody may clear it.
    function test_FrozenSetting_GivenItHadAProposalPending(uint256 seed) public {
        uint8 kind = uint8(bound(seed, 1, 8));
        bytes32 value = widening(kind);
        propose(kind, value);
        freeze(kind);
        if (kind == Kinds.COMPOSE_HASH) assertEq(app.activatesAt(value), 0);
        assertEq(app.ripeAt(kind, value), START + NOTICE);
        assertEq(app.pendingCount(), 1);
        vm.prank(STRANGER);
        app.cancel(kind, value);
        assertEq(app.pendingCount(), 0);
    }

    function test_FrozenSetting_WhenAStrictAppNarrowsIt() public {
        for (uint8 kind = 1; kind <= 8; ++kind) {
            freeze(kind);
        }
        vm.startPrank(OWNER);
        app.removeComposeHash(HASH);
        app.removeDevice(DEVICE);
        app.remove(Kinds.OS_IMAGE, IMAGE);
        app.setAllowAnyDevice(false);
        app.setRequireTcbUpToDate(true);
        app.increaseNoticePeriod(CEILING);
        assertFalse(app.allowedComposeHashes(HASH) || app.allowedDeviceIds(DEVICE));
        assertFalse(app.allowedOsImages(IMAGE));
        assertEq(app.noticePeriod(), CEILING);
    }

    function test_FrozenSetting_WhenALooseAppNarrowsIt() public {
        app = new AppAuth(loose());
        for (uint8 kind = 1; kind <= 8; ++kind) {
            freeze(kind);
        }
        vm.startPrank(OWNER);
        app.setAllowAnyDevice(false);
        app.setRequireTcbUpToDate(true);
        app.pinOsImages(list(IMAGE));
        app.setGuardian(GUARDIAN);
        vm.stopPrank();
        // And none of it can be undone.
        for (uint8 kind = 1; kind <= 8; ++kind) {
            vm.expectRevert(abi.encodeWithSelector(IAppAuth.KindFrozen.selector, kind));
            propose(kind, widening(kind));
            assertEq(app.earliest(kind, widening(kind)), NEVER);
        }
    }

    function test_FrozenSetting_RevertWhen_AStockSetterWouldWidenIt() public {
        propose(Kinds.COMPOSE_HASH, NEW_HASH);
        freeze(Kinds.COMPOSE_HASH);
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.KindFrozen.selector, Kinds.COMPOSE_HASH));
        app.addComposeHash(NEW_HASH);
        expectRevertOf(IAppAuth.NoticeRequired.selector, Kinds.COMPOSE_HASH, ONE, NEVER);
        app.addComposeHash(ONE);
        freeze(Kinds.TCB_REQUIREMENT);
        expectRevertOf(IAppAuth.NoticeRequired.selector, Kinds.TCB_REQUIREMENT, 0, NEVER);
        app.setRequireTcbUpToDate(false);
    }
}
