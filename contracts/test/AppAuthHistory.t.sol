// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../AppAuth.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {AppAuthFixture} from "./helpers/AppAuthFixture.sol";
import {HistoryReference} from "./helpers/HistoryReference.sol";
import {Vm} from "forge-std/Vm.sol";

/// @notice The root and the entries that authenticate an app's whole life.
contract AppAuthHistoryTest is AppAuthFixture {
    HistoryReference internal naive;

    function setUp() public override {
        super.setUp();
        vm.recordLogs();
        app = new AppAuth(strict());
        naive = new HistoryReference(address(app));
        take(8);
    }

    /// The logs since the last call, then a later block.
    function take(uint256 entries) private {
        uint256 before = naive.entries();
        naive.take(vm.getRecordedLogs());
        assertEq(naive.entries() - before, entries);
        assertEq(app.historyRoot(), naive.root());
        assertEq(vm.load(address(app), bytes32(uint256(3))), naive.root());
        skip(1 hours);
        vm.roll(block.number + 300);
    }

    function asOwner(bytes memory call, uint256 entries) private {
        as_(OWNER, call, entries);
    }

    function as_(address caller, bytes memory call, uint256 entries) private {
        vm.prank(caller);
        (bool done,) = address(app).call(call);
        assertTrue(done);
        take(entries);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                  HISTORY ROOT
    //////////////////////////////////////////////////////////////////////////*/

    /// Every function that changes anything, and the number of entries each leaves.
    function test_HistoryRoot_ShouldBeExtendedByEachChangeAndByNothingElse() public {
        asOwner(abi.encodeWithSignature("proposeComposeHash(bytes32)", NEW_HASH), 1);
        asOwner(
            abi.encodeWithSignature("proposeComposeHash(bytes32,bytes32,string)", ONE, ONE, "u"), 2
        );
        asOwner(abi.encodeCall(app.cancelComposeHash, (ONE)), 1);
        for (uint8 kind = 2; kind <= 9; ++kind) {
            asOwner(abi.encodeCall(app.propose, (kind, widening(kind))), 1);
        }
        skip(NOTICE);
        as_(STRANGER, abi.encodeCall(app.addComposeHash, (NEW_HASH)), 1);
        as_(STRANGER, abi.encodeCall(app.addComposeHash, (NEW_HASH)), 0);
        for (uint8 kind = 2; kind <= 8; ++kind) {
            // The list that the image belongs to is cleared behind it.
            as_(STRANGER, abi.encodeCall(app.activate, (kind, widening(kind))), 1);
        }
        as_(STRANGER, abi.encodeCall(app.activate, (9, bytes32(uint256(2)))), 1);
        asOwner(abi.encodeCall(app.removeComposeHash, (NEW_HASH)), 1);
        asOwner(abi.encodeCall(app.removeComposeHash, (NEW_HASH)), 0);
        asOwner(abi.encodeCall(app.removeDevice, (DEVICE)), 1);
        asOwner(abi.encodeCall(app.setAllowAnyDevice, (false)), 1);
        asOwner(abi.encodeCall(app.setAllowAnyDevice, (false)), 0);
        asOwner(abi.encodeCall(app.setRequireTcbUpToDate, (true)), 1);
        asOwner(abi.encodeCall(app.setRequireTcbUpToDate, (true)), 0);
        asOwner(abi.encodeCall(app.pinOsImages, (list(IMAGE, NEW_IMAGE))), 2);
        asOwner(abi.encodeCall(app.remove, (Kinds.OS_IMAGE, IMAGE)), 1);
        asOwner(abi.encodeCall(app.increaseNoticePeriod, (CEILING)), 1);
        asOwner(abi.encodeCall(app.transferOwnership, (SUCCESSOR)), 1);
        as_(SUCCESSOR, abi.encodeCall(app.acceptOwnership, ()), 1);
    }

    function test_HistoryRoot_ShouldBeExtendedByWhatARemovalWithdraws() public {
        asOwner(abi.encodeCall(app.propose, (Kinds.TCB_REQUIREMENT, 0)), 1);
        asOwner(abi.encodeCall(app.setRequireTcbUpToDate, (true)), 1);
        asOwner(abi.encodeCall(app.propose, (Kinds.NOTICE_PERIOD, bytes32(uint256(3 days)))), 1);
        skip(NOTICE + GRACE);
        // A dead one is cleared, another proposed.
        asOwner(abi.encodeCall(app.propose, (Kinds.NOTICE_PERIOD, bytes32(uint256(4 days)))), 2);
        asOwner(abi.encodeCall(app.propose, (Kinds.GUARDIAN, 0)), 1);
        asOwner(abi.encodeCall(app.propose, (Kinds.FREEZE, ONE)), 1);
        skip(NOTICE);
        as_(STRANGER, abi.encodeCall(app.activate, (Kinds.GUARDIAN, 0)), 1);
        asOwner(abi.encodeCall(app.setGuardian, (GUARDIAN)), 1);
        as_(STRANGER, abi.encodeCall(app.activate, (Kinds.FREEZE, ONE)), 1);
        asOwner(abi.encodeCall(app.renounceOwnership, ()), 1);
    }

    /// The block and its time are in the root, so an entry cannot be back-dated.
    function test_HistoryRoot_ShouldHoldBlockAndTime(uint32 blocks, uint32 time) public {
        vm.roll(block.number + blocks);
        skip(time);
        bytes32 root = app.historyRoot();
        propose(Kinds.DEVICE, NEW_DEVICE);
        assertEq(
            app.historyRoot(),
            keccak256(
                abi.encode(root, uint8(0x12), NEW_DEVICE, OWNER, block.number, block.timestamp)
            )
        );
    }

    /// The same life on another chain, or of another app, has another root from the start.
    function test_HistoryRoot_ShouldBeginWithChainAndAddress(uint64 chainId) public {
        vm.assume(chainId != block.chainid && chainId != 0);
        assertNotEq(app.historyRoot(), new AppAuth(strict()).historyRoot());
        uint256 state = vm.snapshotState();
        AppAuth here = new AppAuth(strict());
        bytes32 root = here.historyRoot();
        vm.revertToState(state);
        vm.chainId(chainId);
        AppAuth there = new AppAuth(strict());
        assertEq(address(there), address(here));
        assertNotEq(there.historyRoot(), root);
    }

    /// A view, and a call that changes nothing, leave no trace.
    function test_HistoryRoot_WhenACallIsRefused(address caller, bytes32 value) public {
        vm.assume(caller != OWNER && caller != GUARDIAN && caller != address(0));
        bytes32 root = app.historyRoot();
        vm.startPrank(caller);
        vm.expectRevert();
        app.proposeComposeHash(value);
        vm.expectRevert();
        app.removeComposeHash(value);
        vm.expectRevert();
        app.acceptOwnership();
        assertEq(app.historyRoot(), root);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                     EVENTS
    //////////////////////////////////////////////////////////////////////////*/

    /// A tool that knows the stock events only sees what is allowed, from birth on.
    function test_Events_ShouldTellTheAllowedSetByTheStockOnesAlone(uint256 seed) public {
        bytes32[4] memory values = [HASH, NEW_HASH, DEVICE, NEW_DEVICE];
        for (uint256 i = 0; i < 24; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            oneStep(seed, values[(seed >> 8) % 4]);
            naive.take(vm.getRecordedLogs());
            skip(1 days);
            vm.roll(block.number + 1);
        }
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(app.allowedComposeHashes(values[i]), naive.composeHashes(values[i]));
            assertEq(app.allowedDeviceIds(values[i]), naive.devices(values[i]));
        }
        assertEq(app.allowAnyDevice(), naive.anyDevice());
        assertEq(app.requireTcbUpToDate(), naive.tcb());
        assertEq(app.historyRoot(), naive.root());
    }

    function oneStep(uint256 seed, bytes32 value) private {
        uint8 kind = uint8(1 + (seed >> 16) % 4);
        if (kind == Kinds.ANY_DEVICE) value = ONE;
        if (kind == Kinds.TCB_REQUIREMENT) value = 0;
        uint256 what = seed % 8;
        vm.startPrank(OWNER);
        if (what < 5 && !inForce(kind, value)) {
            if (app.ripeAt(kind, value) == 0) app.propose(kind, value);
            naive.take(vm.getRecordedLogs());
            vm.warp(app.ripeAt(kind, value));
            app.activate(kind, value);
        } else if (kind == Kinds.TCB_REQUIREMENT) {
            app.setRequireTcbUpToDate(true);
        } else {
            app.remove(kind, value);
        }
        vm.stopPrank();
    }
}
