// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../../AppAuth.sol";
import {IAppAuth} from "../../interfaces/IAppAuth.sol";
import {Kinds} from "../../libraries/Kinds.sol";
import {HistoryReference} from "../helpers/HistoryReference.sol";
import {AppAuthHandler} from "./AppAuthHandler.sol";
import {AppModel} from "./AppModel.sol";
import {Test} from "forge-std/Test.sol";

/// @notice What holds after every sequence of calls by anybody. What concerns a single step (who may do
/// what, announced times, the accepted set, `earliest`) is asserted by the handler as it happens.
abstract contract AppAuthInvariants is Test {
    bytes32 internal constant ONE = bytes32(uint256(1));
    AppAuthHandler internal handler;
    AppAuth internal app;
    AppModel internal model;

    function born() internal pure virtual returns (IAppAuth.Settings memory);

    function setUp() public {
        vm.warp(1_790_000_000);
        vm.roll(20_000_000);
        handler = new AppAuthHandler(born(), names());
        (app, model) = (handler.app(), handler.model());
        targetContract(address(handler));
    }

    function names() private pure returns (bytes32[3] memory) {
        return [keccak256("a"), keccak256("b"), keccak256("c")];
    }

    function first() internal pure returns (bytes32[] memory values) {
        values = new bytes32[](1);
        values[0] = keccak256("a");
    }

    /// One campaign for all, since each of its steps asks for everything anyway.
    function appIsTheModel() internal view {
        valuesAreTheModels();
        rolesAreTheModels();
        noticeStaysInItsLimits();
        pendingIsCounted();
        historyIsTheReferences();
        stockEventsTellTheAllowedSet();
    }

    /// Nothing is allowed that was not born so, or announced, ripe and not dead when it was activated:
    /// the model knows no other way in.
    function valuesAreTheModels() private view {
        AppAuthHandler.Value[] memory values = handler.values();
        for (uint256 i = 0; i < values.length; ++i) {
            (uint8 kind, bytes32 value) = (values[i].kind, values[i].value);
            AppModel.Row memory row = model.row(kind, value);
            assertEq(app.ripeAt(kind, value), row.pending ? row.ripeAt : 0);
            assertEq(inForce(kind, value), model.inForce(kind, value));
            if (kind == Kinds.COMPOSE_HASH) {
                assertFalse(row.pending && app.allowedComposeHashes(value));
                assertEq(
                    app.activatesAt(value),
                    row.pending && !model.isDead(kind, value) ? row.ripeAt : 0
                );
                assertEq(app.allowedAt(value, block.timestamp), app.allowedComposeHashes(value));
            }
        }
    }

    function inForce(uint8 kind, bytes32 value) private view returns (bool) {
        if (kind == Kinds.COMPOSE_HASH) return app.allowedComposeHashes(value);
        if (kind == Kinds.DEVICE) return app.allowedDeviceIds(value);
        if (kind == Kinds.ANY_DEVICE) return app.allowAnyDevice();
        if (kind == Kinds.TCB_REQUIREMENT) return !app.requireTcbUpToDate();
        if (kind == Kinds.OS_IMAGE) return app.allowedOsImages(value);
        if (kind == Kinds.ANY_OS_IMAGE) return !app.osImagesPinned();
        if (kind == Kinds.NOTICE_PERIOD) return app.noticePeriod() == uint256(value);
        if (kind == Kinds.GUARDIAN) return model.word(app.guardian()) == value;
        return app.isFrozen(uint8(uint256(value)));
    }

    function rolesAreTheModels() private view {
        assertEq(app.owner(), model.owner());
        assertEq(app.pendingOwner(), model.pendingOwner());
        assertEq(app.guardian(), model.guardian());
        if (app.owner() == address(0)) assertTrue(app.isFrozen(Kinds.COMPOSE_HASH));
    }

    function noticeStaysInItsLimits() private view {
        assertEq(app.noticePeriod(), model.notice());
        assertGe(app.noticePeriod(), 2 days);
        assertLe(app.noticePeriod(), 30 days);
    }

    function pendingIsCounted() private view {
        assertEq(app.pendingCount(), model.pendingCount());
        assertLe(app.pendingCount(), 16);
        AppAuthHandler.Value[] memory values = handler.values();
        uint256 count = handler.pendingInCrowd();
        for (uint256 i = 0; i < values.length; ++i) {
            if (app.ripeAt(values[i].kind, values[i].value) != 0) ++count;
        }
        assertEq(app.pendingCount(), count);
    }

    function historyIsTheReferences() private view {
        assertEq(app.historyRoot(), handler.naive().root());
        assertEq(vm.load(address(app), bytes32(uint256(3))), handler.naive().root());
    }

    /// Replay of the stock events alone.
    function stockEventsTellTheAllowedSet() private view {
        HistoryReference naive = handler.naive();
        bytes32[3] memory values = names();
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(naive.composeHashes(values[i]), app.allowedComposeHashes(values[i]));
            assertEq(naive.devices(values[i]), app.allowedDeviceIds(values[i]));
        }
        assertEq(naive.anyDevice(), app.allowAnyDevice());
        assertEq(naive.tcb(), app.requireTcbUpToDate());
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
    function invariant_appIsTheModel() public view {
        appIsTheModel();
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
    function invariant_appIsTheModel() public view {
        appIsTheModel();
    }
}
