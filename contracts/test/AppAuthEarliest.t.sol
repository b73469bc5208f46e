// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../AppAuth.sol";
import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {AppAuthFixture} from "./helpers/AppAuthFixture.sol";

/// @notice `earliest` against what can really be done: each case walks the fastest way there is and
/// arrives at the very second.
contract AppAuthEarliestTest is AppAuthFixture {
    bytes32 internal constant THREE_DAYS = bytes32(uint256(3 days));

    function activateAt(uint256 time, uint8 kind, bytes32 value) private {
        vm.warp(time - 1);
        expectRevertOf(IAppAuth.NoticeNotElapsed.selector, kind, value, time);
        app.activate(kind, value);
        vm.warp(time);
        app.activate(kind, value);
    }

    function test_WhenTheValueMeansNothing(uint8 kind, bytes32 value) public view {
        if (kind == 0 || kind > 9) assertEq(app.earliest(kind, value), NEVER);
        assertEq(app.earliest(Kinds.COMPOSE_HASH, 0), NEVER);
    }

    function test_GivenNothingIsPending(uint256 seed) public {
        uint8 kind = anyKind(seed);
        bytes32 value = widening(kind);
        uint256 told = app.earliest(kind, value);
        assertEq(told, START + NOTICE);
        propose(kind, value);
        assertEq(app.earliest(kind, value), told);
        activateAt(told, kind, value);
        assertEq(app.earliest(kind, value), 0);
    }

    function test_GivenTheValueIsPending(uint256 seed, uint256 wait) public {
        uint8 kind = anyKind(seed);
        bytes32 value = widening(kind);
        propose(kind, value);
        wait = bound(wait, 0, NOTICE + 2 * GRACE);
        skip(wait);
        uint256 expected = block.timestamp;
        if (wait < NOTICE) expected = START + NOTICE;
        else if (wait >= NOTICE + GRACE) expected = block.timestamp + NOTICE;
        assertEq(app.earliest(kind, value), expected);
    }

    /// Many proposals, or none to propose with: the time told stays a bound.
    function test_GivenTheListOfPendingOnesIsFull() public {
        for (uint256 i = 1; i <= 16; ++i) {
            propose(Kinds.COMPOSE_HASH, bytes32(i));
        }
        assertEq(app.earliest(Kinds.COMPOSE_HASH, NEW_HASH), START + NOTICE);
    }

    /// A shorter notice on its way: propose the moment it is in force.
    function test_GivenAShorterNoticeIsPending(uint256 wait) public {
        propose(Kinds.NOTICE_PERIOD, THREE_DAYS);
        wait = bound(wait, 0, NOTICE + GRACE - 1);
        skip(wait);
        uint256 start = wait < NOTICE ? START + NOTICE : block.timestamp;
        uint256 expected = start + 3 days;
        if (expected > block.timestamp + NOTICE) expected = block.timestamp + NOTICE;
        assertEq(app.earliest(Kinds.COMPOSE_HASH, NEW_HASH), expected);
        if (expected == block.timestamp + NOTICE) return;
        vm.warp(start);
        app.activate(Kinds.NOTICE_PERIOD, THREE_DAYS);
        propose(Kinds.COMPOSE_HASH, NEW_HASH);
        activateAt(expected, Kinds.COMPOSE_HASH, NEW_HASH);
    }

    function test_GivenTheShorterNoticeIsDeadOrFrozen() public {
        propose(Kinds.NOTICE_PERIOD, THREE_DAYS);
        skip(NOTICE + GRACE);
        assertEq(app.earliest(Kinds.COMPOSE_HASH, NEW_HASH), block.timestamp + NOTICE);
        propose(Kinds.NOTICE_PERIOD, THREE_DAYS);
        freeze(Kinds.NOTICE_PERIOD);
        assertEq(app.earliest(Kinds.COMPOSE_HASH, NEW_HASH), block.timestamp + NOTICE);
    }

    /// An announced one wins over the shorter notice, and the other way round.
    function test_GivenValueAndShorterNoticeAreBothPending() public {
        propose(Kinds.NOTICE_PERIOD, THREE_DAYS);
        skip(6 days);
        propose(Kinds.COMPOSE_HASH, NEW_HASH);
        uint256 told = START + NOTICE + 3 days;
        assertEq(app.earliest(Kinds.COMPOSE_HASH, NEW_HASH), told);
        vm.warp(START + NOTICE);
        app.activate(Kinds.NOTICE_PERIOD, THREE_DAYS);
        vm.startPrank(OWNER);
        app.cancelComposeHash(NEW_HASH);
        app.proposeComposeHash(NEW_HASH);
        vm.stopPrank();
        activateAt(told, Kinds.COMPOSE_HASH, NEW_HASH);
    }

    /// Cleared, the list may be given anew at once: an image is as close as the clearing is.
    function test_GivenTheListOfOSImagesMayBeCleared(bool frozen) public {
        if (frozen) freeze(Kinds.OS_IMAGE);
        propose(Kinds.ANY_OS_IMAGE, ONE);
        uint256 told = app.ripeAt(Kinds.ANY_OS_IMAGE, ONE);
        skip(1 days);
        assertEq(app.earliest(Kinds.OS_IMAGE, NEW_IMAGE), told);
        activateAt(told, Kinds.ANY_OS_IMAGE, ONE);
        vm.prank(OWNER);
        app.pinOsImages(list(NEW_IMAGE));
        assertTrue(app.allowedOsImages(NEW_IMAGE));
    }

    function test_GivenAddingOSImagesIsFrozen() public {
        freeze(Kinds.OS_IMAGE);
        assertEq(app.earliest(Kinds.OS_IMAGE, NEW_IMAGE), block.timestamp + NOTICE);
        freeze(Kinds.ANY_OS_IMAGE);
        assertEq(app.earliest(Kinds.OS_IMAGE, NEW_IMAGE), NEVER);
    }

    /// An announced notice period opens the way to every one between it and today's.
    function test_WhenTheValueIsANoticeBehindAPendingOne(uint32 notice, uint256 wait) public {
        notice = uint32(bound(notice, FLOOR, NOTICE - 1));
        propose(Kinds.NOTICE_PERIOD, THREE_DAYS);
        wait = bound(wait, 0, NOTICE - 1);
        skip(wait);
        uint256 told = app.earliest(Kinds.NOTICE_PERIOD, bytes32(uint256(notice)));
        uint256 announced = START + NOTICE;
        if (notice < 3 days) {
            uint256 behind = announced + 3 days;
            assertEq(told, behind < START + wait + NOTICE ? behind : START + wait + NOTICE);
            return;
        }
        assertEq(told, announced);
        activateAt(told, Kinds.NOTICE_PERIOD, THREE_DAYS);
        if (notice == 3 days) return;
        vm.prank(OWNER);
        app.increaseNoticePeriod(notice);
        assertEq(app.noticePeriod(), notice);
    }

    /// The guardian gone, another is named at once.
    function test_GivenTheGuardianMayBeRemoved() public {
        propose(Kinds.GUARDIAN, 0);
        skip(1 days);
        uint256 told = START + NOTICE;
        assertEq(app.earliest(Kinds.GUARDIAN, word(SUCCESSOR)), told);
        // Another replacement opens no such way.
        activateAt(told, Kinds.GUARDIAN, 0);
        vm.prank(OWNER);
        app.setGuardian(SUCCESSOR);
        assertEq(app.guardian(), SUCCESSOR);
        propose(Kinds.GUARDIAN, word(GUARDIAN));
        skip(1 days);
        assertEq(app.earliest(Kinds.GUARDIAN, word(STRANGER)), block.timestamp + NOTICE);
    }

    /// The two ways together: a shorter notice, then the removal, then the new name.
    function test_GivenSeveralWaysLeadThere() public {
        propose(Kinds.NOTICE_PERIOD, bytes32(uint256(FLOOR)));
        skip(6 days);
        propose(Kinds.GUARDIAN, 0);
        propose(Kinds.ANY_OS_IMAGE, ONE);
        uint256 told = START + NOTICE + FLOOR;
        assertEq(app.earliest(Kinds.GUARDIAN, word(SUCCESSOR)), told);
        assertEq(app.earliest(Kinds.OS_IMAGE, NEW_IMAGE), told);
    }

    /// Zero stands for "no time", also where the clock says that it is long ago.
    function test_GivenTheChainIsYoungerThanTheGracePeriod() public {
        vm.warp(1);
        app = new AppAuth(strict());
        assertEq(app.earliest(Kinds.COMPOSE_HASH, NEW_HASH), 1 + NOTICE);
        assertEq(app.activatesAt(NEW_HASH), 0);
        expectRevertOf(IAppAuth.NoticeRequired.selector, Kinds.COMPOSE_HASH, NEW_HASH, 1 + NOTICE);
        app.addComposeHash(NEW_HASH);
        expectRevertOf(IAppAuth.NotPending.selector, Kinds.COMPOSE_HASH, NEW_HASH);
        app.activate(Kinds.COMPOSE_HASH, NEW_HASH);

        assertTrue(app.allowedAt(HASH, 1));
        vm.prank(OWNER);
        app.removeComposeHash(HASH);
        vm.warp(2);
        assertFalse(app.allowedComposeHashes(HASH));
        assertFalse(app.allowedAt(HASH, 1));
        assertFalse(app.allowedAt(HASH, 2));
    }
}
