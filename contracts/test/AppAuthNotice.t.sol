// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {AppAuthFixture} from "./helpers/AppAuthFixture.sol";

contract AppAuthNoticeTest is AppAuthFixture {
    function raise(uint32 notice) private {
        vm.prank(OWNER);
        app.increaseNoticePeriod(notice);
    }

    /*//////////////////////////////////////////////////////////////////////////
                             INCREASE NOTICE PERIOD
    //////////////////////////////////////////////////////////////////////////*/

    function test_IncreaseNoticePeriod_WhenItIsAnIncreaseUpToTheCeiling(uint32 notice) public {
        notice = uint32(bound(notice, NOTICE + 1, CEILING));
        bytes32 root = extended(app.historyRoot(), 0x37, bytes32(uint256(notice)), OWNER);
        vm.expectEmit(address(app));
        emit IAppAuth.NoticePeriodSet(notice);
        raise(notice);
        assertEq(app.noticePeriod(), notice);
        assertEq(app.getTimelock(), notice);
        assertEq(app.historyRoot(), root);
        propose(Kinds.COMPOSE_HASH, NEW_HASH);
        assertEq(app.activatesAt(NEW_HASH), START + notice);
    }

    function test_IncreaseNoticePeriod_RevertWhen_ItIsNoIncreaseOrOutOfRange(uint32 notice) public {
        vm.assume(notice <= NOTICE || notice > CEILING);
        if (notice < FLOOR || notice > CEILING) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IAppAuth.NoticePeriodOutOfRange.selector, notice, FLOOR, CEILING
                )
            );
        } else {
            vm.expectRevert(abi.encodeWithSelector(IAppAuth.NotAnIncrease.selector, NOTICE, notice));
        }
        raise(notice);
    }

    function test_IncreaseNoticePeriod_RevertWhen_ItIsJustNoIncreaseOrJustOutOfRange() public {
        test_IncreaseNoticePeriod_RevertWhen_ItIsNoIncreaseOrOutOfRange(FLOOR - 1);
        test_IncreaseNoticePeriod_RevertWhen_ItIsNoIncreaseOrOutOfRange(FLOOR);
        test_IncreaseNoticePeriod_RevertWhen_ItIsNoIncreaseOrOutOfRange(NOTICE - 1);
        test_IncreaseNoticePeriod_RevertWhen_ItIsNoIncreaseOrOutOfRange(NOTICE);
        test_IncreaseNoticePeriod_RevertWhen_ItIsNoIncreaseOrOutOfRange(CEILING + 1);
        raise(CEILING);
    }

    function test_IncreaseNoticePeriod_RevertWhen_TheCallerIsNotTheOwner(address caller) public {
        vm.assume(caller != OWNER);
        expectNotOwner(caller);
        vm.prank(caller);
        app.increaseNoticePeriod(CEILING);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                    DECREASE
    //////////////////////////////////////////////////////////////////////////*/

    function test_Decrease_GivenItIsAnnounced(uint32 notice) public {
        notice = uint32(bound(notice, FLOOR, NOTICE - 1));
        bytes32 value = bytes32(uint256(notice));
        propose(Kinds.NOTICE_PERIOD, value);
        vm.warp(START + NOTICE - 1);
        expectRevertOf(
            IAppAuth.NoticeNotElapsed.selector, Kinds.NOTICE_PERIOD, value, START + NOTICE
        );
        app.activate(Kinds.NOTICE_PERIOD, value);
        assertEq(app.noticePeriod(), NOTICE);
        vm.warp(START + NOTICE);
        app.activate(Kinds.NOTICE_PERIOD, value);
        assertEq(app.noticePeriod(), notice);
        propose(Kinds.COMPOSE_HASH, NEW_HASH);
        assertEq(app.activatesAt(NEW_HASH), block.timestamp + notice);
    }

    /// Only one decrease at a time; another takes its place only when it is dead.
    function test_Decrease_GivenAnotherDecreaseIsPending() public {
        bytes32 first = bytes32(uint256(3 days));
        bytes32 second = bytes32(uint256(4 days));
        propose(Kinds.NOTICE_PERIOD, first);
        vm.warp(START + NOTICE + GRACE - 1);
        expectRevertOf(IAppAuth.AlreadyPending.selector, Kinds.NOTICE_PERIOD, first, START + NOTICE);
        propose(Kinds.NOTICE_PERIOD, second);
        vm.warp(START + NOTICE + GRACE);
        vm.expectEmit(address(app));
        emit IAppAuth.Cancelled(Kinds.NOTICE_PERIOD, first, OWNER);
        propose(Kinds.NOTICE_PERIOD, second);
        assertEq(app.ripeAt(Kinds.NOTICE_PERIOD, first), 0);
        assertEq(app.ripeAt(Kinds.NOTICE_PERIOD, second), block.timestamp + NOTICE);
        assertEq(app.pendingCount(), 1);
        expectRevertOf(IAppAuth.NotPending.selector, Kinds.NOTICE_PERIOD, first);
        app.activate(Kinds.NOTICE_PERIOD, first);
        vm.prank(OWNER);
        app.cancel(Kinds.NOTICE_PERIOD, second);
        propose(Kinds.NOTICE_PERIOD, first);
        assertEq(app.pendingCount(), 1);
    }

    /// A proposal keeps the time it announced, whichever way the notice moves.
    function test_Decrease_GivenOtherProposalsArePending(uint32 raised) public {
        raised = uint32(bound(raised, NOTICE + 1, CEILING));
        propose(Kinds.COMPOSE_HASH, NEW_HASH);
        propose(Kinds.NOTICE_PERIOD, bytes32(uint256(FLOOR)));
        raise(raised);
        assertEq(app.activatesAt(NEW_HASH), START + NOTICE);
        vm.warp(START + NOTICE - 1);
        propose(Kinds.DEVICE, NEW_DEVICE);
        vm.warp(START + NOTICE);
        app.activate(Kinds.NOTICE_PERIOD, bytes32(uint256(FLOOR)));
        assertEq(app.noticePeriod(), FLOOR);
        assertEq(app.activatesAt(NEW_HASH), START + NOTICE);
        assertEq(app.ripeAt(Kinds.DEVICE, NEW_DEVICE), START + NOTICE - 1 + raised);
        vm.warp(START + NOTICE + FLOOR);
        expectRevertOf(
            IAppAuth.NoticeNotElapsed.selector,
            Kinds.DEVICE,
            NEW_DEVICE,
            START + NOTICE - 1 + raised
        );
        app.activate(Kinds.DEVICE, NEW_DEVICE);
    }
}
