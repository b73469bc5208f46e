// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../../AppAuth.sol";
import {IAppAuth} from "../../interfaces/IAppAuth.sol";
import {Kinds} from "../../libraries/Kinds.sol";
import {Value, isInForce} from "../helpers/AppValues.sol";
import {AppAuthHandler} from "./AppAuthHandler.sol";
import {AppModel} from "./AppModel.sol";
import {Test} from "forge-std/Test.sol";

/// @notice What holds after every sequence of calls by anybody. What concerns a single step (who may do
/// what, announced times, the accepted set, what `earliest` promised) is asserted by the handler as it
/// happens.
/// @dev The arguments of the handler are dice: words picked up from storage make them worse, and slow.
abstract contract AppAuthInvariants is Test {
    AppAuthHandler internal handler;
    AppAuth internal app;
    AppModel internal model;

    function born() internal pure virtual returns (IAppAuth.Settings memory);

    function setUp() public {
        vm.warp(1_790_000_000);
        vm.roll(20_000_000);
        handler = new AppAuthHandler(born(), [keccak256("a"), keccak256("b")]);
        (app, model) = (handler.app(), handler.model());
        targetContract(address(handler));
    }

    function first() internal pure returns (bytes32[] memory values) {
        values = new bytes32[](1);
        values[0] = keccak256("a");
    }

    /// One campaign for all, since each of its steps asks for everything anyway. The values take turns:
    /// each is asked for after every fourth step.
    function appIsTheModel() internal view {
        Value[] memory values = handler.values();
        uint256 turn = handler.steps() % 4;
        Value[] memory some = new Value[]((values.length + 3 - turn) / 4);
        for (uint256 i = 0; i < some.length; ++i) {
            some[i] = values[4 * i + turn];
        }
        viewsAreTheModels(some);
        rolesAreTheModels();
        noticeStaysInItsLimits();
        if (turn == 0) pendingIsCounted(values);
        logsTellEverything(some);
    }

    /// Every view of a value. Nothing is allowed that was not born so, or announced, ripe and not dead
    /// when it was activated: the model knows no other way in.
    function viewsAreTheModels(Value[] memory values) private view {
        for (uint256 i = 0; i < values.length; ++i) {
            (uint8 kind, bytes32 value) = (values[i].kind, values[i].value);
            AppModel.Row memory it = model.row(kind, value);
            assertEq(app.ripeAt(kind, value), it.pending ? it.ripeAt : 0, "ripeAt");
            assertEq(isInForce(app, kind, value), model.inForce(kind, value), "in force");
            if (kind == Kinds.COMPOSE_HASH) composeHashIsTheModels(value, it);
        }
    }

    function composeHashIsTheModels(bytes32 hash, AppModel.Row memory it) private view {
        assertFalse(it.pending && it.inForce);
        bool alive = it.pending && !model.isDead(Kinds.COMPOSE_HASH, hash);
        assertEq(app.activatesAt(hash), alive ? it.ripeAt : 0, "activatesAt");
        // The seconds at which the answer for a time changes, and those beside them.
        uint256[6] memory times = [
            it.since,
            it.since == 0 ? 0 : it.since - 1,
            it.until,
            it.until == 0 ? 0 : it.until - 1,
            block.timestamp,
            block.timestamp + 1
        ];
        for (uint256 i = 0; i < 6; ++i) {
            bool allowed = it.since != 0 && times[i] >= it.since && times[i] < it.until;
            allowed = allowed && times[i] <= block.timestamp;
            assertEq(app.allowedAt(hash, times[i]), allowed, "allowedAt");
        }
    }

    function rolesAreTheModels() private view {
        assertEq(app.owner(), model.owner());
        assertEq(app.pendingOwner(), model.pendingOwner());
        assertEq(app.guardian(), model.guardian());
        if (app.owner() == address(0)) assertTrue(app.isFrozen(Kinds.COMPOSE_HASH));
    }

    function noticeStaysInItsLimits() private view {
        assertEq(app.noticePeriod(), model.notice());
        assertEq(app.getTimelock(), model.notice());
        assertGe(app.noticePeriod(), 2 days);
        assertLe(app.noticePeriod(), 30 days);
    }

    function pendingIsCounted(Value[] memory values) private view {
        assertEq(app.pendingCount(), model.pendingCount());
        assertLe(app.pendingCount(), 16);
        bytes32[] memory crowd = handler.crowd();
        uint256 count = crowd.length;
        for (uint256 i = 0; i < crowd.length; ++i) {
            assertNotEq(app.ripeAt(Kinds.COMPOSE_HASH, crowd[i]), 0);
        }
        for (uint256 i = 0; i < values.length; ++i) {
            if (app.ripeAt(values[i].kind, values[i].value) != 0) ++count;
        }
        assertEq(app.pendingCount(), count);
    }

    /// Replay of the logs alone: the entries give everything and the root, the stock events what is
    /// allowed.
    function logsTellEverything(Value[] memory values) private view {
        assertEq(vm.load(address(app), bytes32(uint256(3))), handler.naive().root());
        handler.naive().requireEverything(values);
        bytes32[] memory names = new bytes32[](2);
        (names[0], names[1]) = (keccak256("a"), keccak256("b"));
        handler.naive().requireAllowedSet(names);
    }
}

/// @notice Born strict, so that everything can widen.
contract StrictAppInvariants is AppAuthInvariants {
    function born() internal pure override returns (IAppAuth.Settings memory) {
        return IAppAuth.Settings(
            address(0x0123), address(0x4567), 7 days, false, true, first(), first(), first()
        );
    }

    /// forge-config: default.invariant.runs = 32
    /// forge-config: default.invariant.dictionary_weight = 0
    /// forge-config: default.invariant.include_storage = false
    /// forge-config: default.invariant.include_push_bytes = false
    /// forge-config: default.invariant.max_fuzz_dictionary_values = 512
    /// forge-config: default.invariant.max_fuzz_dictionary_addresses = 512
    function invariant_appIsTheModel() public view {
        appIsTheModel();
    }

    /// The campaign is worth what its sequences reach. The same calls, from fixed seeds.
    function test_sequencesReachTheRareStates() public {
        uint256 start = vm.snapshotState();
        string[13] memory rare = [
            "activated in its first second",
            "activated in its last second",
            "refused a second too soon",
            "refused a second too late",
            "refused as frozen",
            "refused as no widening any more",
            "dead one replaced",
            "dead one cleared by a stranger",
            "sixteen pending",
            "owner gone",
            "removed what was pending",
            "named what was pending",
            "pinned what was pending"
        ];
        uint256[13] memory counts;
        for (uint256 run = 0; run < 16; ++run) {
            for (uint256 step = 0; step < 64; ++step) {
                randomCall(uint256(keccak256(abi.encode(run, step))));
            }
            for (uint256 i = 0; i < 13; ++i) {
                counts[i] += handler.seen(bytes32(bytes(rare[i])));
            }
            handler.naive().requireEverything(handler.values());
            vm.revertToState(start);
        }
        for (uint256 i = 0; i < 13; ++i) {
            assertGt(counts[i], 0, rare[i]);
        }
    }

    function randomCall(uint256 seed) private {
        bytes4[18] memory calls = [
            handler.wait.selector,
            handler.waitFor.selector,
            handler.propose.selector,
            handler.proposeMany.selector,
            handler.cancelMany.selector,
            handler.activate.selector,
            handler.cancel.selector,
            handler.remove.selector,
            handler.requireTcb.selector,
            handler.pin.selector,
            handler.increase.selector,
            handler.name.selector,
            handler.offer.selector,
            handler.accept.selector,
            handler.renounce.selector,
            handler.roundabout.selector,
            handler.freezeOver.selector,
            handler.lieInWait.selector
        ];
        bytes memory arguments = abi.encode(
            keccak256(abi.encode(seed, 1)),
            keccak256(abi.encode(seed, 2)),
            keccak256(abi.encode(seed, 3)),
            keccak256(abi.encode(seed, 4))
        );
        (bool done, bytes memory reason) =
            address(handler).call(bytes.concat(calls[seed % 18], arguments));
        if (!done) vm.assertTrue(done, string(reason));
    }
}

/// @notice Born loose, so that everything can narrow, with the shortest notice.
contract LooseAppInvariants is AppAuthInvariants {
    function born() internal pure override returns (IAppAuth.Settings memory) {
        return IAppAuth.Settings(
            address(0x0123),
            address(0),
            2 days,
            true,
            false,
            first(),
            new bytes32[](0),
            new bytes32[](0)
        );
    }

    /// forge-config: default.invariant.runs = 32
    /// forge-config: default.invariant.dictionary_weight = 0
    /// forge-config: default.invariant.include_storage = false
    /// forge-config: default.invariant.include_push_bytes = false
    /// forge-config: default.invariant.max_fuzz_dictionary_values = 512
    /// forge-config: default.invariant.max_fuzz_dictionary_addresses = 512
    function invariant_appIsTheModel() public view {
        appIsTheModel();
    }
}
