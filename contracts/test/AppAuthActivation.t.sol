// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {IDstackAppAuthManagement} from "../interfaces/IDstackAppAuth.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {AppAuthFixture} from "./helpers/AppAuthFixture.sol";
import {Vm} from "forge-std/Vm.sol";

contract AppAuthActivationTest is AppAuthFixture {
    /*//////////////////////////////////////////////////////////////////////////
                                    ACTIVATE
    //////////////////////////////////////////////////////////////////////////*/

    /// The four instants that matter, for every setting and any caller.
    function test_Activate_WhenItIsItsFirstOrLastSecondOrOneBeside(uint256 seed, address caller)
        public
    {
        uint8 kind = anyKind(seed);
        bytes32 value = widening(kind);
        propose(kind, value);
        uint256 ripe = START + NOTICE;
        vm.startPrank(caller);

        vm.warp(ripe - 1);
        expectRevertOf(IAppAuth.NoticeNotElapsed.selector, kind, value, ripe);
        app.activate(kind, value);
        vm.warp(ripe + GRACE);
        expectRevertOf(IAppAuth.ProposalExpired.selector, kind, value, ripe + GRACE);
        app.activate(kind, value);
        assertFalse(inForce(kind, value));

        uint256 state = vm.snapshotState();
        vm.warp(ripe);
        app.activate(kind, value);
        assertTrue(inForce(kind, value));
        vm.revertToState(state);
        vm.warp(ripe + GRACE - 1);
        app.activate(kind, value);
        assertTrue(inForce(kind, value));

        assertEq(app.pendingCount(), 0);
        assertEq(app.ripeAt(kind, value), 0);
        assertEq(app.earliest(kind, value), 0);
    }

    function test_Activate_RevertWhen_ItIsAnySecondOutsideOfItsTime(uint256 seed, uint256 wait)
        public
    {
        uint8 kind = anyKind(seed);
        bytes32 value = widening(kind);
        propose(kind, value);
        wait = bound(wait, 0, 400 days);
        skip(wait);
        if (wait < NOTICE) {
            expectRevertOf(IAppAuth.NoticeNotElapsed.selector, kind, value, START + NOTICE);
        } else if (wait >= NOTICE + GRACE) {
            expectRevertOf(IAppAuth.ProposalExpired.selector, kind, value, START + NOTICE + GRACE);
        }
        app.activate(kind, value);
    }

    function test_Activate_RevertGiven_ItWasActivatedAlready(uint256 seed) public {
        uint8 kind = anyKind(seed);
        widen(kind, widening(kind));
        expectRevertOf(IAppAuth.NotPending.selector, kind, widening(kind));
        app.activate(kind, widening(kind));
    }

    /// What was a widening when it was announced may be in force, or mean nothing, when it is ripe.
    function test_Activate_RevertGiven_TheCircumstancesChangedSince() public {
        propose(Kinds.OS_IMAGE, NEW_IMAGE);
        propose(Kinds.GUARDIAN, word(SUCCESSOR));
        propose(Kinds.GUARDIAN, 0);
        widen(Kinds.ANY_OS_IMAGE, ONE);
        app.activate(Kinds.GUARDIAN, 0);
        expectRevertOf(IAppAuth.InvalidValue.selector, Kinds.OS_IMAGE, NEW_IMAGE);
        app.activate(Kinds.OS_IMAGE, NEW_IMAGE);
        expectRevertOf(IAppAuth.InvalidValue.selector, Kinds.GUARDIAN, word(SUCCESSOR));
        app.activate(Kinds.GUARDIAN, word(SUCCESSOR));
        vm.startPrank(OWNER);
        app.pinOsImages(list(NEW_IMAGE));
        app.setGuardian(SUCCESSOR);
        // Both are in force now, and no longer announced.
        expectRevertOf(IAppAuth.NotPending.selector, Kinds.OS_IMAGE, NEW_IMAGE);
        app.activate(Kinds.OS_IMAGE, NEW_IMAGE);
        expectRevertOf(IAppAuth.NotPending.selector, Kinds.GUARDIAN, word(SUCCESSOR));
        app.activate(Kinds.GUARDIAN, word(SUCCESSOR));
        assertEq(app.pendingCount(), 0);
    }

    /// One event of the setting's own and one entry, whatever the setting.
    function test_Activate_GivenTheEventOfTheSettingIndexesNothing() public {
        emits(Kinds.COMPOSE_HASH, IDstackAppAuthManagement.ComposeHashAdded.selector, NEW_HASH);
        emits(Kinds.DEVICE, IDstackAppAuthManagement.DeviceAdded.selector, NEW_DEVICE);
        emits(Kinds.ANY_DEVICE, IDstackAppAuthManagement.AllowAnyDeviceSet.selector, ONE);
        emits(Kinds.TCB_REQUIREMENT, IDstackAppAuthManagement.RequireTcbUpToDateSet.selector, 0);
        emits(Kinds.OS_IMAGE, IAppAuth.OsImageAdded.selector, NEW_IMAGE);
        emits(Kinds.NOTICE_PERIOD, IAppAuth.NoticePeriodSet.selector, bytes32(uint256(3 days)));
    }

    function emits(uint8 kind, bytes32 topic, bytes32 value) private {
        Vm.Log[] memory logs = logsOfActivating(kind, value);
        assertEq(logs[0].topics.length, 1);
        assertEq(logs[0].topics[0], topic);
        assertEq(logs[0].data, abi.encode(value));
    }

    function test_Activate_GivenTheEventOfTheSettingIndexesItsValue() public {
        Vm.Log[] memory logs = logsOfActivating(Kinds.ANY_OS_IMAGE, ONE);
        assertEq(logs[0].topics.length, 1);
        assertEq(logs[0].topics[0], IAppAuth.OsImagesCleared.selector);
        assertEq(logs[0].data.length, 0);
        logs = logsOfActivating(Kinds.GUARDIAN, word(SUCCESSOR));
        assertEq(logs[0].topics.length, 2);
        assertEq(logs[0].topics[0], IAppAuth.GuardianSet.selector);
        assertEq(logs[0].topics[1], word(SUCCESSOR));
        logs = logsOfActivating(Kinds.FREEZE, bytes32(uint256(7)));
        assertEq(logs[0].topics.length, 2);
        assertEq(logs[0].topics[0], IAppAuth.Frozen.selector);
        assertEq(logs[0].topics[1], bytes32(uint256(7)));
    }

    function logsOfActivating(uint8 kind, bytes32 value) private returns (Vm.Log[] memory logs) {
        ripen(kind, value);
        bytes32 root = extended(app.historyRoot(), Kinds.SET | kind, value, STRANGER);
        vm.recordLogs();
        vm.prank(STRANGER);
        app.activate(kind, value);
        logs = vm.getRecordedLogs();
        assertEq(logs.length, 2);
        assertEq(logs[1].topics[0], IAppAuth.HistoryExtended.selector);
        assertEq(logs[1].topics[1], root);
        assertEq(logs[1].data, abi.encode(Kinds.SET | kind, value, STRANGER));
        assertEq(app.historyRoot(), root);
    }

    /*//////////////////////////////////////////////////////////////////////////
                             ACTIVATE COMPOSE HASH
    //////////////////////////////////////////////////////////////////////////*/

    function test_ActivateComposeHash_GivenItIsRipe() public {
        ripen(Kinds.COMPOSE_HASH, NEW_HASH);
        vm.prank(STRANGER);
        app.activateComposeHash(NEW_HASH);
        assertTrue(app.allowedComposeHashes(NEW_HASH));
        assertTrue(app.allowedAt(NEW_HASH, block.timestamp));
        assertFalse(app.allowedAt(NEW_HASH, block.timestamp - 1));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                  ACTIVATES AT
    //////////////////////////////////////////////////////////////////////////*/

    function test_ActivatesAt_ShouldTellWhenAProposalIsRipeUntilItIsDead() public {
        assertEq(app.activatesAt(NEW_HASH), 0);
        propose(Kinds.COMPOSE_HASH, NEW_HASH);
        uint256 ripe = START + NOTICE;
        assertEq(app.activatesAt(NEW_HASH), ripe);
        vm.warp(ripe + GRACE - 1);
        assertEq(app.activatesAt(NEW_HASH), ripe);
        vm.warp(ripe + GRACE);
        assertEq(app.activatesAt(NEW_HASH), 0);
        assertEq(app.ripeAt(Kinds.COMPOSE_HASH, NEW_HASH), ripe);
        assertEq(app.activatesAt(HASH), 0);
    }
}
