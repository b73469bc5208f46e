// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../AppAuth.sol";
import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {AppAuthFixture} from "./helpers/AppAuthFixture.sol";

contract AppAuthProposalsTest is AppAuthFixture {
    function expectProposed(uint8 kind, bytes32 value) private {
        expectEntry(Kinds.PROPOSED | kind, value, OWNER);
        uint48 ripe = uint48(block.timestamp + NOTICE);
        vm.expectEmit(address(app));
        if (kind == Kinds.COMPOSE_HASH) {
            emit IAppAuth.ComposeHashProposed(value, ripe, uint48(ripe + GRACE), 0, "");
        } else {
            emit IAppAuth.Proposed(kind, value, ripe, uint48(ripe + GRACE));
        }
    }

    /*//////////////////////////////////////////////////////////////////////////
                                    PROPOSE
    //////////////////////////////////////////////////////////////////////////*/

    function test_Propose_RevertWhen_TheCallerIsNotTheOwner(uint256 seed, address caller) public {
        vm.assume(caller != OWNER);
        uint8 kind = anyKind(seed);
        expectNotOwner(caller);
        vm.prank(caller);
        app.propose(kind, widening(kind));
        expectNotOwner(caller);
        vm.prank(caller);
        app.proposeComposeHash(NEW_HASH);
        expectNotOwner(caller);
        vm.prank(caller);
        app.proposeComposeHash(NEW_HASH, 0, "");
    }

    function test_Propose_RevertWhen_TheKindIsNoSetting(uint8 kind, bytes32 value) public {
        vm.assume(kind == 0 || kind > 9);
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.InvalidKind.selector, kind));
        propose(kind, value);
    }

    function test_Propose_RevertWhen_TheValueMeansNothing() public {
        refuses(Kinds.COMPOSE_HASH, 0);
        refuses(Kinds.DEVICE, 0);
        refuses(Kinds.ANY_DEVICE, 0);
        refuses(Kinds.ANY_DEVICE, bytes32(uint256(2)));
        refuses(Kinds.TCB_REQUIREMENT, ONE);
        refuses(Kinds.OS_IMAGE, 0);
        refuses(Kinds.ANY_OS_IMAGE, 0);
        refuses(Kinds.ANY_OS_IMAGE, bytes32(uint256(2)));
        refuses(Kinds.NOTICE_PERIOD, 0);
        refuses(Kinds.NOTICE_PERIOD, bytes32(uint256(FLOOR - 1)));
        refuses(Kinds.NOTICE_PERIOD, bytes32(uint256(NOTICE + 1)));
        // Truncated to 32 bits it would be 3 days.
        refuses(Kinds.NOTICE_PERIOD, bytes32((uint256(1) << 32) + 3 days));
        refuses(Kinds.GUARDIAN, bytes32(uint256(1) << 160));
        refuses(Kinds.GUARDIAN, bytes32((uint256(1) << 160) + uint160(SUCCESSOR)));
        refuses(Kinds.FREEZE, 0);
        refuses(Kinds.FREEZE, bytes32(uint256(Kinds.FREEZE)));
        // Truncated to 8 bits it would be setting 1.
        refuses(Kinds.FREEZE, bytes32(uint256(257)));
    }

    /// Without a list there is nothing to add to, without a guardian nobody to replace: both of these
    /// would narrow, and narrowing has functions of its own.
    function test_Propose_RevertWhen_TheValueWouldNarrow() public {
        app = new AppAuth(loose());
        refuses(Kinds.OS_IMAGE, NEW_IMAGE);
        refuses(Kinds.GUARDIAN, word(SUCCESSOR));
        refuses(Kinds.GUARDIAN, 0);
    }

    function refuses(uint8 kind, bytes32 value) private {
        expectRevertOf(IAppAuth.InvalidValue.selector, kind, value);
        propose(kind, value);
        assertEq(app.earliest(kind, value), NEVER);
    }

    function test_Propose_RevertGiven_TheValueIsInForce() public {
        refusesInForce(Kinds.COMPOSE_HASH, HASH);
        refusesInForce(Kinds.DEVICE, DEVICE);
        refusesInForce(Kinds.OS_IMAGE, IMAGE);
        refusesInForce(Kinds.NOTICE_PERIOD, bytes32(uint256(NOTICE)));
        refusesInForce(Kinds.GUARDIAN, word(GUARDIAN));
        freeze(Kinds.DEVICE);
        refusesInForce(Kinds.FREEZE, bytes32(uint256(Kinds.DEVICE)));
        app = new AppAuth(loose());
        refusesInForce(Kinds.ANY_DEVICE, ONE);
        refusesInForce(Kinds.TCB_REQUIREMENT, 0);
        refusesInForce(Kinds.ANY_OS_IMAGE, ONE);
    }

    function refusesInForce(uint8 kind, bytes32 value) private {
        expectRevertOf(IAppAuth.AlreadyAllowed.selector, kind, value);
        propose(kind, value);
        assertEq(app.earliest(kind, value), 0);
    }

    function test_Propose_RevertGiven_TheValueIsPending(uint256 seed, uint256 wait) public {
        uint8 kind = anyKind(seed);
        bytes32 value = widening(kind);
        propose(kind, value);
        skip(bound(wait, 0, NOTICE + GRACE - 1));
        expectRevertOf(IAppAuth.AlreadyPending.selector, kind, value, START + NOTICE);
        propose(kind, value);
    }

    /// A dead proposal gives way to a new one, which waits the whole notice again.
    function test_Propose_GivenThePendingValueIsDead(uint256 seed, uint32 wait) public {
        uint8 kind = anyKind(seed);
        bytes32 value = widening(kind);
        propose(kind, value);
        skip(NOTICE + GRACE + wait);
        bytes32 root = extended(app.historyRoot(), Kinds.CANCELLED | kind, value, OWNER);
        vm.expectEmit(address(app));
        if (kind == Kinds.COMPOSE_HASH) emit IAppAuth.ComposeHashCancelled(value, OWNER);
        else emit IAppAuth.Cancelled(kind, value, OWNER);
        vm.expectEmit(address(app));
        emit IAppAuth.HistoryExtended(root, Kinds.CANCELLED | kind, value, OWNER);
        root = extended(root, Kinds.PROPOSED | kind, value, OWNER);
        vm.expectEmit(address(app));
        emit IAppAuth.HistoryExtended(root, Kinds.PROPOSED | kind, value, OWNER);
        propose(kind, value);
        assertEq(app.ripeAt(kind, value), block.timestamp + NOTICE);
        assertEq(app.pendingCount(), 1);
    }

    function test_Propose_RevertGiven_SixteenArePending() public {
        for (uint256 i = 1; i <= 16; ++i) {
            propose(Kinds.COMPOSE_HASH, bytes32(i));
            assertEq(app.pendingCount(), i);
        }
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.TooManyPending.selector, 16));
        propose(Kinds.DEVICE, NEW_DEVICE);
        // Dead ones count until somebody clears them, and anybody may.
        skip(NOTICE + GRACE);
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.TooManyPending.selector, 16));
        propose(Kinds.DEVICE, NEW_DEVICE);
        // Proposing a dead one again takes its own place.
        propose(Kinds.COMPOSE_HASH, bytes32(uint256(1)));
        assertEq(app.pendingCount(), 16);
        vm.prank(STRANGER);
        app.cancelComposeHash(bytes32(uint256(2)));
        propose(Kinds.DEVICE, NEW_DEVICE);
        assertEq(app.pendingCount(), 16);
    }

    function test_Propose_GivenOneOfSixteenHasGone() public {
        for (uint256 i = 1; i <= 16; ++i) {
            propose(Kinds.COMPOSE_HASH, bytes32(i));
        }
        vm.startPrank(OWNER);
        app.cancel(Kinds.COMPOSE_HASH, bytes32(uint256(1)));
        app.removeComposeHash(bytes32(uint256(2)));
        assertEq(app.pendingCount(), 14);
        skip(NOTICE);
        app.activateComposeHash(bytes32(uint256(3)));
        app.addComposeHash(bytes32(uint256(4)));
        assertEq(app.pendingCount(), 12);
        app.removeComposeHash(bytes32(uint256(4)));
        assertEq(app.pendingCount(), 12);
    }

    function test_Propose_GivenThereIsAPlace(uint256 seed, uint32 wait) public {
        uint8 kind = anyKind(seed);
        bytes32 value = widening(kind);
        skip(wait);
        expectProposed(kind, value);
        propose(kind, value);
        assertEq(app.ripeAt(kind, value), block.timestamp + NOTICE);
        assertEq(app.pendingCount(), 1);
        assertFalse(inForce(kind, value));
    }

    /*//////////////////////////////////////////////////////////////////////////
                              PROPOSE COMPOSE HASH
    //////////////////////////////////////////////////////////////////////////*/

    function test_ProposeComposeHash_WhenNoSourceIsNamed() public {
        expectProposed(Kinds.COMPOSE_HASH, NEW_HASH);
        vm.prank(OWNER);
        app.proposeComposeHash(NEW_HASH);
        assertEq(app.activatesAt(NEW_HASH), START + NOTICE);
    }

    function test_ProposeComposeHash_WhenASourceIsNamed(bytes32 digest, string calldata uri)
        public
    {
        vm.assume(bytes(uri).length <= 1024);
        bytes32 root = extended(app.historyRoot(), 0x11, NEW_HASH, OWNER);
        bytes32 claim = keccak256(abi.encode(NEW_HASH, digest, uri));
        uint48 ripe = uint48(START + NOTICE);
        vm.expectEmit(address(app));
        emit IAppAuth.HistoryExtended(root, 0x11, NEW_HASH, OWNER);
        vm.expectEmit(address(app));
        emit IAppAuth.ComposeHashProposed(NEW_HASH, ripe, uint48(ripe + GRACE), digest, uri);
        root = extended(root, 0x1c, claim, OWNER);
        vm.expectEmit(address(app));
        emit IAppAuth.HistoryExtended(root, 0x1c, claim, OWNER);
        vm.prank(OWNER);
        app.proposeComposeHash(NEW_HASH, digest, uri);
        assertEq(app.historyRoot(), root);
        assertEq(app.pendingCount(), 1);
    }

    function test_ProposeComposeHash_RevertWhen_TheUriIsTooLong() public {
        string memory uri = string(new bytes(1025));
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.UriTooLong.selector, 1025, 1024));
        vm.prank(OWNER);
        app.proposeComposeHash(NEW_HASH, 0, uri);
        uri = string(new bytes(1024));
        vm.prank(OWNER);
        app.proposeComposeHash(NEW_HASH, 0, uri);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                     CANCEL
    //////////////////////////////////////////////////////////////////////////*/

    function test_Cancel_RevertGiven_NothingIsPending(uint8 kind, bytes32 value) public {
        expectRevertOf(IAppAuth.NotPending.selector, kind, value);
        vm.prank(OWNER);
        app.cancel(kind, value);
        expectRevertOf(IAppAuth.NotPending.selector, kind, value);
        app.activate(kind, value);
        expectRevertOf(IAppAuth.NotPending.selector, Kinds.COMPOSE_HASH, value);
        app.cancelComposeHash(value);
        assertEq(app.ripeAt(kind, value), 0);
    }

    function test_Cancel_WhenTheOwnerOrTheGuardianCalls(uint256 seed, bool asGuardian, uint256 wait)
        public
    {
        uint8 kind = anyKind(seed);
        bytes32 value = widening(kind);
        propose(kind, value);
        skip(bound(wait, 0, 2 * GRACE));
        address caller = asGuardian ? GUARDIAN : OWNER;
        bytes32 root = extended(app.historyRoot(), Kinds.CANCELLED | kind, value, caller);
        vm.expectEmit(address(app));
        if (kind == Kinds.COMPOSE_HASH) emit IAppAuth.ComposeHashCancelled(value, caller);
        else emit IAppAuth.Cancelled(kind, value, caller);
        vm.expectEmit(address(app));
        emit IAppAuth.HistoryExtended(root, Kinds.CANCELLED | kind, value, caller);
        vm.prank(caller);
        app.cancel(kind, value);
        assertEq(app.ripeAt(kind, value), 0);
        assertEq(app.pendingCount(), 0);
        expectRevertOf(IAppAuth.NotPending.selector, kind, value);
        app.activate(kind, value);
    }

    function test_Cancel_WhenAStrangerCalls(uint256 seed, address caller) public {
        vm.assume(caller != OWNER && caller != GUARDIAN);
        uint8 kind = anyKind(seed);
        bytes32 value = widening(kind);
        propose(kind, value);
        expectNotOwnerOrGuardian(caller);
        vm.prank(caller);
        app.cancel(kind, value);
        vm.warp(START + NOTICE + GRACE - 1);
        expectNotOwnerOrGuardian(caller);
        vm.prank(caller);
        app.cancel(kind, value);
        vm.warp(START + NOTICE + GRACE);
        vm.prank(caller);
        app.cancel(kind, value);
        assertEq(app.pendingCount(), 0);
    }

    /// A cancelled proposal left nothing behind: the next one waits in full.
    function test_Cancel_GivenTheValueIsProposedAgain(uint256 seed, uint256 wait) public {
        uint8 kind = anyKind(seed);
        bytes32 value = widening(kind);
        propose(kind, value);
        skip(bound(wait, 0, NOTICE + GRACE));
        vm.prank(GUARDIAN);
        app.cancel(kind, value);
        propose(kind, value);
        assertEq(app.ripeAt(kind, value), block.timestamp + NOTICE);
        assertEq(app.pendingCount(), 1);
    }
}
