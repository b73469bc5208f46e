// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../../AppAuth.sol";
import {IAppAuth} from "../../interfaces/IAppAuth.sol";
import {IDstackAppAuth} from "../../interfaces/IDstackAppAuth.sol";
import {Kinds} from "../../libraries/Kinds.sol";
import {AppAuthFixture} from "../helpers/AppAuthFixture.sol";

/// @notice Owns an app and does everything it can within one transaction.
contract OneTransaction {
    function push(AppAuth app, bytes32 hash) external {
        app.proposeComposeHash(hash);
        app.activateComposeHash(hash);
    }

    function pushThroughTheStockSetter(AppAuth app, bytes32 hash) external {
        app.proposeComposeHash(hash);
        app.addComposeHash(hash);
    }
}

/// @notice Ways around a timelock, each named for what it would have cost the users if it worked, with
/// the class of defect it comes from. Who attacks is the owner, or whoever stole the owner's key; the
/// guardian and strangers where it says so.
contract AppAuthAttacksTest is AppAuthFixture {
    bytes32 internal constant EVIL = keccak256("compose of the thief");

    function boots(bytes32 hash, bytes32 device, bytes32 image)
        private
        view
        returns (bool allowed)
    {
        IDstackAppAuth.AppBootInfo memory info = bootInfo();
        (info.composeHash, info.deviceId, info.osImageHash) = (hash, device, image);
        (allowed,) = app.isAppAllowed(info);
    }

    function notYet(uint8 kind, bytes32 value, uint256 time) private {
        expectRevertOf(IAppAuth.NoticeNotElapsed.selector, kind, value, time);
        app.activate(kind, value);
    }

    function dead(uint8 kind, bytes32 value, uint256 since) private {
        expectRevertOf(IAppAuth.ProposalExpired.selector, kind, value, since);
        app.activate(kind, value);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                    NO NOTICE
    //////////////////////////////////////////////////////////////////////////*/

    /// Announced and in force before anybody could look. Flash governance: proposal and execution in one
    /// transaction, as an "emergency" path of Beanstalk (2022) allowed.
    function test_attack_versionPushedWithinOneTransaction() public {
        OneTransaction contract_ = new OneTransaction();
        vm.prank(OWNER);
        app.transferOwnership(address(contract_));
        vm.prank(address(contract_));
        app.acceptOwnership();
        expectRevertOf(IAppAuth.NoticeNotElapsed.selector, Kinds.COMPOSE_HASH, EVIL, START + NOTICE);
        contract_.push(app, EVIL);
        expectRevertOf(IAppAuth.NoticeNotElapsed.selector, Kinds.COMPOSE_HASH, EVIL, START + NOTICE);
        contract_.pushThroughTheStockSetter(app, EVIL);
        assertEq(app.pendingCount(), 0);
    }

    /// Everything opened at once by the calls that tools know. The old entry point left unguarded beside
    /// the new one: a timelock that was added to a contract whose own setters stayed.
    function test_attack_everythingOpenedByTheStockSetters() public {
        vm.startPrank(OWNER);
        uint256 told = START + NOTICE;
        expectRevertOf(IAppAuth.NoticeRequired.selector, Kinds.COMPOSE_HASH, EVIL, told);
        app.addComposeHash(EVIL);
        expectRevertOf(IAppAuth.NoticeRequired.selector, Kinds.DEVICE, NEW_DEVICE, told);
        app.addDevice(NEW_DEVICE);
        expectRevertOf(IAppAuth.NoticeRequired.selector, Kinds.ANY_DEVICE, ONE, told);
        app.setAllowAnyDevice(true);
        expectRevertOf(IAppAuth.NoticeRequired.selector, Kinds.TCB_REQUIREMENT, 0, told);
        app.setRequireTcbUpToDate(false);
        vm.expectRevert(IAppAuth.OsImagesAlreadyPinned.selector);
        app.pinOsImages(list(NEW_IMAGE));
        assertEq(app.pendingCount(), 0);
    }

    /// A second of notice too little, or a life of one second too many. Off by one at a deadline: `<` for
    /// `<=`, at both of its ends.
    function test_attack_oneSecondTooSoonOrTooLate() public {
        uint256 ripe = START + NOTICE;
        propose(Kinds.COMPOSE_HASH, EVIL);
        vm.warp(ripe - 1);
        notYet(Kinds.COMPOSE_HASH, EVIL, ripe);
        assertFalse(boots(EVIL, DEVICE, IMAGE));
        vm.warp(ripe + GRACE);
        dead(Kinds.COMPOSE_HASH, EVIL, ripe + GRACE);
        expectRevertOf(
            IAppAuth.NoticeRequired.selector, Kinds.COMPOSE_HASH, EVIL, block.timestamp + NOTICE
        );
        app.addComposeHash(EVIL);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                  STORED-UP NOTICE
    //////////////////////////////////////////////////////////////////////////*/

    /// An update that nobody expects any more, announced years ago and kept ready. Operations that never
    /// expire, as in timelocks without a grace period; or a deadline that is moved by asking again.
    function test_attack_updateKeptReadyForYears() public {
        uint256 ripe = START + NOTICE;
        propose(Kinds.COMPOSE_HASH, EVIL);
        // Asking again while it is alive is refused, so its time cannot be moved.
        vm.warp(ripe + GRACE - 1);
        expectRevertOf(IAppAuth.AlreadyPending.selector, Kinds.COMPOSE_HASH, EVIL, ripe);
        propose(Kinds.COMPOSE_HASH, EVIL);
        // Once it is dead, asking again costs the whole notice, every time.
        for (uint256 i = 0; i < 3; ++i) {
            vm.warp(ripe + GRACE);
            propose(Kinds.COMPOSE_HASH, EVIL);
            assertEq(app.activatesAt(EVIL), block.timestamp + NOTICE);
            notYet(Kinds.COMPOSE_HASH, EVIL, block.timestamp + NOTICE);
            ripe = block.timestamp + NOTICE;
        }
    }

    /// A dead announcement that comes to life again when a setting moves. Expiry computed from the
    /// present settings instead of from those of the announcement.
    function test_attack_deadAnnouncementRises() public {
        uint256 ripe = START + NOTICE;
        propose(Kinds.COMPOSE_HASH, EVIL);
        vm.warp(ripe + GRACE);
        vm.prank(OWNER);
        app.increaseNoticePeriod(CEILING);
        dead(Kinds.COMPOSE_HASH, EVIL, ripe + GRACE);
        assertEq(app.activatesAt(EVIL), 0);
        widen(Kinds.NOTICE_PERIOD, bytes32(uint256(FLOOR)));
        dead(Kinds.COMPOSE_HASH, EVIL, ripe + GRACE);
        // Cleared by anybody, it is gone for good.
        vm.prank(STRANGER);
        app.cancelComposeHash(EVIL);
        expectRevertOf(IAppAuth.NotPending.selector, Kinds.COMPOSE_HASH, EVIL);
        app.activateComposeHash(EVIL);
    }

    /// A version that was withdrawn as dangerous comes back when its old announcement is ripe. Removal
    /// that forgets the queue: a cancelled or blacklisted item whose queued twin still executes.
    function test_attack_withdrawnVersionComesBack() public {
        propose(Kinds.COMPOSE_HASH, EVIL);
        vm.prank(GUARDIAN);
        app.removeComposeHash(EVIL);
        vm.warp(START + NOTICE);
        expectRevertOf(IAppAuth.NotPending.selector, Kinds.COMPOSE_HASH, EVIL);
        app.activateComposeHash(EVIL);
        // Nor does having been allowed once count for anything.
        vm.prank(GUARDIAN);
        app.removeComposeHash(HASH);
        expectRevertOf(
            IAppAuth.NoticeRequired.selector, Kinds.COMPOSE_HASH, HASH, block.timestamp + NOTICE
        );
        vm.prank(OWNER);
        app.addComposeHash(HASH);
        assertFalse(boots(HASH, DEVICE, IMAGE));
    }

    /// Notice announced once and used twice: remove what was activated, activate it again. Executed
    /// operations that are not marked as done.
    function test_attack_oneNoticeUsedTwice() public {
        widen(Kinds.COMPOSE_HASH, EVIL);
        vm.prank(OWNER);
        app.removeComposeHash(EVIL);
        expectRevertOf(IAppAuth.NotPending.selector, Kinds.COMPOSE_HASH, EVIL);
        app.activateComposeHash(EVIL);
        // Nor may the next one be announced while the first is in force, to be ripe when it is needed.
        widen(Kinds.COMPOSE_HASH, EVIL);
        expectRevertOf(IAppAuth.AlreadyAllowed.selector, Kinds.COMPOSE_HASH, EVIL);
        propose(Kinds.COMPOSE_HASH, EVIL);
    }

    /*//////////////////////////////////////////////////////////////////////////
                               THE NOTICE PERIOD ITSELF
    //////////////////////////////////////////////////////////////////////////*/

    /// A week of notice turned into two days overnight. The delay set by its administrator without the
    /// delay; in OpenZeppelin's TimelockController (CVE-2021-39167) within the very batch it was for.
    function test_attack_noticeShortenedAndUsedAtOnce() public {
        bytes32 floor = bytes32(uint256(FLOOR));
        propose(Kinds.NOTICE_PERIOD, floor);
        vm.warp(START + NOTICE - 1);
        notYet(Kinds.NOTICE_PERIOD, floor, START + NOTICE);
        vm.warp(START + NOTICE);
        app.activate(Kinds.NOTICE_PERIOD, floor);
        // The shorter one counts from now on, on top of the longer one that was waited for.
        propose(Kinds.COMPOSE_HASH, EVIL);
        vm.warp(START + NOTICE + FLOOR - 1);
        notYet(Kinds.COMPOSE_HASH, EVIL, START + NOTICE + FLOOR);
    }

    /// What was announced with a month of notice is in force after two days. The delay read when an
    /// operation is executed, not when it was queued.
    function test_attack_longNoticeCutShortByALaterDecrease() public {
        vm.prank(OWNER);
        app.increaseNoticePeriod(CEILING);
        propose(Kinds.NOTICE_PERIOD, bytes32(uint256(FLOOR)));
        skip(CEILING - 1);
        propose(Kinds.COMPOSE_HASH, EVIL);
        uint256 announced = app.activatesAt(EVIL);
        assertEq(announced, block.timestamp + CEILING);
        skip(1);
        app.activate(Kinds.NOTICE_PERIOD, bytes32(uint256(FLOOR)));
        skip(FLOOR);
        notYet(Kinds.COMPOSE_HASH, EVIL, announced);
        assertEq(app.activatesAt(EVIL), announced);
    }

    /// An app shows a month of notice, and an announcement of before has two days. Users are told the
    /// time of each announcement, and a longer notice does not hide an earlier one: it stays countable,
    /// cancellable and within what `earliest` says. Settings that change what is in the queue.
    function test_attack_shortAnnouncementHiddenBehindALongNotice() public {
        propose(Kinds.COMPOSE_HASH, EVIL);
        vm.prank(OWNER);
        app.increaseNoticePeriod(CEILING);
        assertEq(app.earliest(Kinds.COMPOSE_HASH, EVIL), START + NOTICE);
        assertEq(app.activatesAt(EVIL), START + NOTICE);
        assertEq(app.pendingCount(), 1);
        assertEq(app.earliest(Kinds.COMPOSE_HASH, NEW_HASH), START + CEILING);
        vm.prank(GUARDIAN);
        app.cancelComposeHash(EVIL);
        assertEq(app.earliest(Kinds.COMPOSE_HASH, EVIL), START + CEILING);
    }

    /// Down a staircase of decreases announced side by side, all the way in one night. Parallel queues:
    /// each operation checked alone, their sum never.
    function test_attack_noticeTakenDownAStaircase() public {
        vm.prank(OWNER);
        app.increaseNoticePeriod(CEILING);
        bytes32 first = bytes32(uint256(NOTICE));
        propose(Kinds.NOTICE_PERIOD, first);
        uint256 ripe = START + CEILING;
        expectRevertOf(IAppAuth.AlreadyPending.selector, Kinds.NOTICE_PERIOD, first, ripe);
        propose(Kinds.NOTICE_PERIOD, bytes32(uint256(FLOOR)));
        vm.warp(ripe);
        app.activate(Kinds.NOTICE_PERIOD, first);
        propose(Kinds.NOTICE_PERIOD, bytes32(uint256(FLOOR)));
        notYet(Kinds.NOTICE_PERIOD, bytes32(uint256(FLOOR)), ripe + NOTICE);
    }

    /// A notice of no time at all, written as a number that becomes one when it is cut. Unsafe casts:
    /// the check sees 256 bits, the storage 32.
    function test_attack_noticeOfAlmostNothingSmuggledInByACast() public {
        uint256 cut = uint256(1) << 32;
        uint256[5] memory values = [cut, cut + 1, cut + FLOOR, cut << 96, type(uint256).max];
        for (uint256 i = 0; i < values.length; ++i) {
            expectRevertOf(IAppAuth.InvalidValue.selector, Kinds.NOTICE_PERIOD, bytes32(values[i]));
            propose(Kinds.NOTICE_PERIOD, bytes32(values[i]));
        }
        // Likewise a guardian whose upper bits make him look like another value, and a freeze of 257.
        bytes32 guardian = bytes32((uint256(1) << 160) | uint160(GUARDIAN));
        expectRevertOf(IAppAuth.InvalidValue.selector, Kinds.GUARDIAN, guardian);
        propose(Kinds.GUARDIAN, guardian);
        expectRevertOf(IAppAuth.InvalidValue.selector, Kinds.FREEZE, bytes32(uint256(257)));
        propose(Kinds.FREEZE, bytes32(uint256(257)));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                      FREEZES
    //////////////////////////////////////////////////////////////////////////*/

    /// Code changed after it was promised never to change. A lock that stops new entries and forgets
    /// those in the queue.
    function test_attack_codeChangedAfterItWasFrozen() public {
        propose(Kinds.FREEZE, bytes32(uint256(Kinds.COMPOSE_HASH)));
        skip(1);
        propose(Kinds.COMPOSE_HASH, EVIL);
        vm.warp(START + NOTICE + 1);
        app.activate(Kinds.FREEZE, bytes32(uint256(Kinds.COMPOSE_HASH)));
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.KindFrozen.selector, Kinds.COMPOSE_HASH));
        app.activateComposeHash(EVIL);
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.KindFrozen.selector, Kinds.COMPOSE_HASH));
        app.addComposeHash(EVIL);
        assertEq(app.activatesAt(EVIL), 0);
        assertEq(app.earliest(Kinds.COMPOSE_HASH, EVIL), NEVER);
        assertFalse(boots(EVIL, DEVICE, IMAGE));
    }

    /// A promise for ever taken back with a week of notice. A switch said to be final that has a way
    /// back, or an administrator above it.
    function test_attack_freezeUndone() public {
        freeze(Kinds.COMPOSE_HASH);
        vm.startPrank(OWNER);
        expectRevertOf(IAppAuth.InvalidValue.selector, Kinds.FREEZE, 0);
        app.propose(Kinds.FREEZE, 0);
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.InvalidKind.selector, Kinds.FREEZE));
        app.remove(Kinds.FREEZE, ONE);
        expectRevertOf(IAppAuth.NotPending.selector, Kinds.FREEZE, ONE);
        app.cancel(Kinds.FREEZE, ONE);
        app.transferOwnership(SUCCESSOR);
        vm.stopPrank();
        vm.startPrank(SUCCESSOR);
        app.acceptOwnership();
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.KindFrozen.selector, Kinds.COMPOSE_HASH));
        app.proposeComposeHash(EVIL);
        assertTrue(app.isFrozen(Kinds.COMPOSE_HASH));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                        LISTS
    //////////////////////////////////////////////////////////////////////////*/

    /// Every OS image boots, by removing the only one. An empty allow list read as "everything".
    function test_attack_emptiedListOpensEveryImage() public {
        vm.prank(GUARDIAN);
        app.remove(Kinds.OS_IMAGE, IMAGE);
        assertFalse(boots(HASH, DEVICE, NEW_IMAGE));
        assertFalse(boots(HASH, DEVICE, 0));
        // Nor may a list be given as if there were none.
        vm.prank(OWNER);
        vm.expectRevert(IAppAuth.OsImagesAlreadyPinned.selector);
        app.pinOsImages(list(NEW_IMAGE));
    }

    /// An image that was removed, or belonged to a list long cleared, boots again behind a new list.
    /// Deleting a set without its members: a mapping cannot be deleted, its entries go stale.
    function test_attack_imagesOfAnOldListReturnWithANewOne() public {
        widen(Kinds.OS_IMAGE, NEW_IMAGE);
        vm.prank(GUARDIAN);
        app.remove(Kinds.OS_IMAGE, NEW_IMAGE);
        widen(Kinds.ANY_OS_IMAGE, ONE);
        vm.prank(OWNER);
        app.pinOsImages(list(ONE));
        assertTrue(boots(HASH, DEVICE, ONE));
        assertFalse(boots(HASH, DEVICE, IMAGE));
        assertFalse(boots(HASH, DEVICE, NEW_IMAGE));
    }

    /// A new list given at once, of which users thought that it took notice: the list is cleared with
    /// notice and given anew in the same second. Two legal steps whose sum nobody told. `earliest` told.
    function test_attack_listExchangedByWayOfNoList() public {
        propose(Kinds.ANY_OS_IMAGE, ONE);
        uint256 told = app.earliest(Kinds.OS_IMAGE, NEW_IMAGE);
        vm.warp(told - 1);
        notYet(Kinds.ANY_OS_IMAGE, ONE, told);
        assertEq(app.earliest(Kinds.OS_IMAGE, NEW_IMAGE), told);
        vm.warp(told);
        app.activate(Kinds.ANY_OS_IMAGE, ONE);
        vm.prank(OWNER);
        app.pinOsImages(list(NEW_IMAGE));
        assertTrue(boots(HASH, DEVICE, NEW_IMAGE));
    }

    /// A device that stays after "any device" was taken back, since nobody looked at it meanwhile. The
    /// narrower rule skipped while the wider one holds.
    function test_attack_deviceLeftBehindByAnyDevice() public {
        widen(Kinds.ANY_DEVICE, ONE);
        assertTrue(boots(HASH, NEW_DEVICE, IMAGE));
        uint256 told = block.timestamp + NOTICE;
        // It boots, and still is not on the list: adding it takes the notice.
        expectRevertOf(IAppAuth.NoticeRequired.selector, Kinds.DEVICE, NEW_DEVICE, told);
        vm.prank(OWNER);
        app.addDevice(NEW_DEVICE);
        vm.prank(GUARDIAN);
        app.setAllowAnyDevice(false);
        assertFalse(boots(HASH, NEW_DEVICE, IMAGE));
        // And a second announcement of "any", made while it was in force, does not exist either.
        expectRevertOf(
            IAppAuth.NoticeRequired.selector, Kinds.ANY_DEVICE, ONE, block.timestamp + NOTICE
        );
        vm.prank(OWNER);
        app.setAllowAnyDevice(true);
    }

    /// A deletion statement of a day on which the version was not allowed is believed, since the version
    /// was allowed later. One mapping for present and past: a re-added entry covers the gap.
    function test_attack_gapInAVersionsLifeFilledLater() public {
        skip(1 days);
        vm.prank(GUARDIAN);
        app.removeComposeHash(HASH);
        uint256 removed = block.timestamp;
        widen(Kinds.COMPOSE_HASH, HASH);
        assertFalse(app.allowedAt(HASH, removed));
        assertFalse(app.allowedAt(HASH, block.timestamp - 1));
        assertTrue(app.allowedAt(HASH, block.timestamp));
        assertFalse(app.allowedAt(HASH, block.timestamp + 1));
    }

    /// An instance of the thief's own app gets this app's keys, by a boot info that names the other app.
    /// Confused deputy: the decision does not look at whom it is about.
    function test_attack_keysGivenToAnotherApp() public view {
        IDstackAppAuth.AppBootInfo memory info = bootInfo();
        info.appId = SUCCESSOR;
        (bool allowed, string memory reason) = app.isAppAllowed(info);
        assertFalse(allowed);
        assertEq(reason, "App id is not this contract");
    }

    /*//////////////////////////////////////////////////////////////////////////
                                      PEOPLE
    //////////////////////////////////////////////////////////////////////////*/

    /// The app stolen by an offer that its owner thought was gone. A pending owner that survives the
    /// next transfer, or the renunciation.
    function test_attack_appTakenByAnOldOffer() public {
        vm.startPrank(OWNER);
        app.transferOwnership(STRANGER); // the thief had the key for a minute
        app.transferOwnership(SUCCESSOR); // the owner moves to a new key
        vm.stopPrank();
        expectNotOwner(STRANGER);
        vm.prank(STRANGER);
        app.acceptOwnership();
        vm.prank(SUCCESSOR);
        app.acceptOwnership();
        expectNotOwner(STRANGER);
        vm.prank(STRANGER);
        app.acceptOwnership();
        // Nor can the old owner accept once more what he offered, nor the new one twice.
        expectNotOwner(OWNER);
        vm.prank(OWNER);
        app.acceptOwnership();
        expectNotOwner(SUCCESSOR);
        vm.prank(SUCCESSOR);
        app.acceptOwnership();
    }

    /// A fresh owner, or the owner's thief, has something that takes no notice. Powers that a role keeps
    /// for "setting things up".
    function test_attack_newOwnerStartsWithAFreeWidening() public {
        vm.prank(OWNER);
        app.transferOwnership(STRANGER);
        vm.startPrank(STRANGER);
        app.acceptOwnership();
        for (uint8 kind = Kinds.COMPOSE_HASH; kind <= Kinds.FREEZE; ++kind) {
            app.propose(kind, widening(kind));
            notYet(kind, widening(kind), START + NOTICE);
        }
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.GuardianAlreadySet.selector, GUARDIAN));
        app.setGuardian(STRANGER);
    }

    /// Nobody left to answer for an app whose code may still change. Renounced ownership with work in
    /// the queue: it runs, and nobody can stop it.
    function test_attack_ownerLeavesWithWorkInTheQueue() public {
        propose(Kinds.COMPOSE_HASH, EVIL);
        vm.prank(OWNER);
        vm.expectRevert(IAppAuth.ComposeHashesNotFrozen.selector);
        app.renounceOwnership();

        freeze(Kinds.COMPOSE_HASH); // which kills it
        propose(Kinds.ANY_DEVICE, ONE);
        uint256 ripe = app.ripeAt(Kinds.ANY_DEVICE, ONE);
        vm.prank(OWNER);
        app.renounceOwnership();
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.KindFrozen.selector, Kinds.COMPOSE_HASH));
        app.activateComposeHash(EVIL);
        // What else was announced keeps its time, and the guardian can still stop it.
        notYet(Kinds.ANY_DEVICE, ONE, ripe);
        vm.prank(GUARDIAN);
        app.cancel(Kinds.ANY_DEVICE, ONE);
        assertEq(app.earliest(Kinds.ANY_DEVICE, ONE), NEVER);
    }

    /// The one who could stop the thief replaced first. The watchman's post filled without delay by
    /// those whom he watches.
    function test_attack_guardianReplacedBeforeHeCanCancel() public {
        propose(Kinds.COMPOSE_HASH, EVIL);
        propose(Kinds.GUARDIAN, 0);
        propose(Kinds.GUARDIAN, word(STRANGER));
        vm.warp(START + NOTICE - 1);
        notYet(Kinds.GUARDIAN, 0, START + NOTICE);
        notYet(Kinds.GUARDIAN, word(STRANGER), START + NOTICE);
        vm.startPrank(GUARDIAN);
        app.cancel(Kinds.GUARDIAN, 0);
        app.cancel(Kinds.GUARDIAN, word(STRANGER));
        app.cancelComposeHash(EVIL);
        assertEq(app.pendingCount(), 0);
        assertEq(app.guardian(), GUARDIAN);
    }

    /// The guardian gets more than he was given: he names his successor, owns the app, or opens it. A
    /// second role that can grant itself the first.
    function test_attack_guardianTakesOver() public {
        vm.startPrank(GUARDIAN);
        vm.expectRevert();
        app.setGuardian(SUCCESSOR);
        vm.expectRevert();
        app.propose(Kinds.GUARDIAN, word(SUCCESSOR));
        vm.expectRevert();
        app.transferOwnership(GUARDIAN);
        vm.expectRevert();
        app.renounceOwnership();
        vm.expectRevert();
        app.setAllowAnyDevice(true);
        // What the removal of everything leaves is nothing, never everything.
        app.remove(Kinds.OS_IMAGE, IMAGE);
        app.removeDevice(DEVICE);
        app.removeComposeHash(HASH);
        app.setAllowAnyDevice(false);
        assertFalse(boots(HASH, DEVICE, IMAGE));
        assertFalse(boots(NEW_HASH, NEW_DEVICE, NEW_IMAGE));
        assertFalse(boots(0, 0, 0));
        assertEq(app.owner(), OWNER);
    }

    /// An app shut down by its own guardian stays shut for ever. Griefing by the one who may only say
    /// no: he costs a notice, not the app, once the owner gets him out while he is away; and he cannot
    /// take part in what is in force.
    function test_attack_guardianHoldsTheAppToRansom() public {
        vm.prank(GUARDIAN);
        app.removeComposeHash(HASH);
        propose(Kinds.COMPOSE_HASH, HASH);
        vm.prank(GUARDIAN);
        app.cancelComposeHash(HASH);
        // Cancelling leaves no mark behind that would keep the next announcement out.
        propose(Kinds.COMPOSE_HASH, HASH);
        propose(Kinds.GUARDIAN, 0);
        skip(NOTICE);
        app.activateComposeHash(HASH);
        app.activate(Kinds.GUARDIAN, 0);
        expectNotOwnerOrGuardian(GUARDIAN);
        vm.prank(GUARDIAN);
        app.removeComposeHash(HASH);
        assertTrue(boots(HASH, DEVICE, IMAGE));
    }

    /// A hole that cannot be closed because the list of announcements is full. Denial of service by a
    /// bounded queue, or by one without bounds that must be walked.
    function test_attack_fullListKeepsTheFixOut() public {
        for (uint256 i = 1; i <= 16; ++i) {
            propose(Kinds.COMPOSE_HASH, bytes32(i));
        }
        uint256 full = vm.snapshotState();
        // Narrowing needs no place.
        vm.startPrank(OWNER);
        app.removeComposeHash(HASH);
        app.removeDevice(DEVICE);
        app.remove(Kinds.OS_IMAGE, IMAGE);
        app.setRequireTcbUpToDate(true);
        app.increaseNoticePeriod(CEILING);
        vm.stopPrank();
        assertFalse(boots(HASH, DEVICE, IMAGE));
        vm.revertToState(full);
        // And the guardian makes room for a fix at once.
        vm.prank(GUARDIAN);
        app.cancelComposeHash(ONE);
        propose(Kinds.COMPOSE_HASH, NEW_HASH);
        // As anybody does when what fills it is dead, by age or by a freeze.
        vm.warp(START + NOTICE + GRACE);
        vm.startPrank(STRANGER);
        for (uint256 i = 2; i <= 16; ++i) {
            app.cancelComposeHash(bytes32(i));
        }
        assertEq(app.pendingCount(), 1);
    }

    /// The counter of announcements runs away, up (nothing can be announced any more) or below zero
    /// (any number can). A count kept beside the things it counts.
    function test_attack_countOfAnnouncementsDriftsAway() public {
        for (uint256 round = 0; round < 3; ++round) {
            propose(Kinds.OS_IMAGE, NEW_IMAGE);
            propose(Kinds.COMPOSE_HASH, EVIL);
            propose(Kinds.DEVICE, NEW_DEVICE);
            vm.startPrank(GUARDIAN);
            app.remove(Kinds.OS_IMAGE, NEW_IMAGE);
            app.remove(Kinds.OS_IMAGE, NEW_IMAGE);
            app.removeComposeHash(EVIL);
            app.removeComposeHash(EVIL);
            vm.stopPrank();
            skip(NOTICE + GRACE);
            propose(Kinds.DEVICE, NEW_DEVICE);
            assertEq(app.pendingCount(), 1);
            vm.prank(GUARDIAN);
            app.removeDevice(NEW_DEVICE);
            assertEq(app.pendingCount(), 0);
        }
    }

    /*//////////////////////////////////////////////////////////////////////////
                                WHAT USERS ARE TOLD
    //////////////////////////////////////////////////////////////////////////*/

    /// Reviewers read one source, users get another: the source of an announcement is exchanged while
    /// its notice runs. Mutable metadata behind a fixed identifier.
    function test_attack_sourceExchangedWhileTheNoticeRuns() public {
        vm.startPrank(OWNER);
        app.proposeComposeHash(NEW_HASH, ONE, "https://example.org/reviewed");
        bytes32 root = app.historyRoot();
        expectRevertOf(
            IAppAuth.AlreadyPending.selector, Kinds.COMPOSE_HASH, NEW_HASH, START + NOTICE
        );
        app.proposeComposeHash(NEW_HASH, ONE, "https://example.org/other");
        skip(NOTICE);
        app.activateComposeHash(NEW_HASH);
        // Nor once it is in force.
        expectRevertOf(IAppAuth.AlreadyAllowed.selector, Kinds.COMPOSE_HASH, NEW_HASH);
        app.proposeComposeHash(NEW_HASH, ONE, "https://example.org/other");
        assertEq(app.historyRoot(), extended(root, Kinds.SET | Kinds.COMPOSE_HASH, NEW_HASH, OWNER));
    }

    /// An index shows an app as it never was, since its history would fit another app, or another
    /// order of the same steps. Replay, where what is authenticated does not say for whom.
    function test_attack_historyOfOneAppShownForAnother() public {
        AppAuth twin = new AppAuth(strict());
        assertNotEq(twin.historyRoot(), app.historyRoot());
        uint256 fork = vm.snapshotState();
        propose(Kinds.COMPOSE_HASH, EVIL);
        propose(Kinds.COMPOSE_HASH, NEW_HASH);
        bytes32 one = app.historyRoot();
        vm.revertToState(fork);
        propose(Kinds.COMPOSE_HASH, NEW_HASH);
        propose(Kinds.COMPOSE_HASH, EVIL);
        assertNotEq(app.historyRoot(), one);
    }

    /// Other rules behind the same address: a proxy, code that destroys itself and is deployed anew
    /// (Tornado Cash's governance, 2023), or code of somebody else that is run in its place. And no
    /// reentrancy: what calls nobody cannot be called back.
    function test_attack_otherRulesBehindTheSameAddress() public {
        assertFalse(leavesItself(address(app).code));
        // The search finds what there is: this one makes calls.
        assertTrue(leavesItself(address(new OneTransaction()).code));
    }

    function leavesItself(bytes memory code) private pure returns (bool) {
        // The last two bytes are the length of the compiler's note before them.
        uint256 end = code.length - 2 - uint8(code[code.length - 1]);
        for (uint256 i = 0; i < end; ++i) {
            uint8 op = uint8(code[i]);
            // PUSH1 to PUSH32 carry data.
            if (op >= 0x60 && op <= 0x7f) i += op - 0x5f;
            // CREATE, CALL, CALLCODE
            if (op >= 0xf0 && op <= 0xf2) return true;
            // DELEGATECALL, CREATE2, STATICCALL, SELFDESTRUCT
            if (op == 0xf4 || op == 0xf5 || op == 0xfa || op == 0xff) return true;
        }
        return false;
    }
}
