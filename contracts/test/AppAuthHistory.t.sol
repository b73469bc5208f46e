// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../AppAuth.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {AppAuthFixture} from "./helpers/AppAuthFixture.sol";
import {Value} from "./helpers/AppValues.sol";
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
    /// forge-config: default.fuzz.runs = 64
    function test_Events_ShouldTellTheAllowedSetByTheStockOnesAlone(uint256 seed) public {
        live(seed);
        bytes32[] memory all = new bytes32[](4);
        (all[0], all[1], all[2], all[3]) = (HASH, NEW_HASH, DEVICE, NEW_DEVICE);
        naive.requireAllowedSet(all);
    }

    /// A tool that knows the entries only sees all that the app is, and knows by the root that it saw
    /// all of them.
    /// forge-config: default.fuzz.runs = 64
    function test_Events_ShouldTellEverythingByTheEntriesOfTheHistoryAlone(uint256 seed) public {
        live(seed);
        naive.requireEverything(everyValue());
    }

    /// A random life of an app that was born one way or the other. Most of it is refused.
    function live(uint256 seed) private {
        app = new AppAuth(seed % 2 == 0 ? strict() : loose());
        naive = new HistoryReference(address(app));
        naive.take(vm.getRecordedLogs());
        Value[] memory values = everyValue();
        for (uint256 i = 0; i < 40; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            address[4] memory people = [app.owner(), app.owner(), app.guardian(), SUCCESSOR];
            Value memory it = values[(seed >> 8) % values.length];
            if (seed % 12 == 0) {
                // To where it is ripe, and there is a life behind it.
                uint256 ripe = app.ripeAt(it.kind, it.value);
                vm.warp(ripe > block.timestamp ? ripe : block.timestamp + 1 days);
                vm.roll(block.number + 1);
            }
            bytes memory call = randomCall(seed >> 16, it);
            if (people[(seed >> 32) % 4] == address(0)) continue;
            vm.prank(people[(seed >> 32) % 4]);
            (bool done,) = address(app).call(call);
            Vm.Log[] memory logs = vm.getRecordedLogs();
            assertTrue(done || logs.length == 0);
            naive.take(logs);
        }
    }

    function randomCall(uint256 seed, Value memory it) private view returns (bytes memory) {
        uint256 what = seed % 16;
        bytes32[] memory images = (seed >> 8) % 2 == 0 ? list(IMAGE) : list(NEW_IMAGE, IMAGE);
        if (what < 5) return abi.encodeCall(app.propose, (it.kind, it.value));
        if (what < 9) return abi.encodeCall(app.activate, (it.kind, it.value));
        if (what == 9) return abi.encodeCall(app.cancel, (it.kind, it.value));
        if (what == 10) return abi.encodeCall(app.remove, (it.kind, it.value));
        if (what == 11) return abi.encodeCall(app.pinOsImages, (images));
        if (what == 12) return abi.encodeCall(app.setGuardian, (GUARDIAN));
        if (what == 13) return abi.encodeCall(app.setRequireTcbUpToDate, (true));
        if (what == 14) return abi.encodeCall(app.increaseNoticePeriod, (NOTICE + 1 days));
        if ((seed >> 8) % 2 == 0) return abi.encodeCall(app.transferOwnership, (SUCCESSOR));
        return abi.encodeCall(app.acceptOwnership, ());
    }

    function everyValue() private pure returns (Value[] memory values) {
        values = new Value[](18);
        for (uint8 kind = 1; kind <= 9; ++kind) {
            values[kind - 1] = Value(kind, widening(kind));
        }
        values[9] = Value(Kinds.COMPOSE_HASH, HASH);
        values[10] = Value(Kinds.DEVICE, DEVICE);
        values[11] = Value(Kinds.OS_IMAGE, IMAGE);
        values[12] = Value(Kinds.GUARDIAN, word(GUARDIAN));
        values[13] = Value(Kinds.GUARDIAN, 0);
        // The doors to what is rare: more often.
        for (uint256 i = 14; i < 18; ++i) {
            values[i] = Value(Kinds.ANY_OS_IMAGE, ONE);
        }
    }
}
