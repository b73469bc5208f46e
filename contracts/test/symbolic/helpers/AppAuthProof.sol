// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../../../AppAuth.sol";
import {Kinds} from "../../../libraries/Kinds.sol";
import {svm, vm} from "./Svm.sol";

/// @notice An app in ANY state: its storage holds anything, not only what some history of calls can
/// leave there. What one call does to it then holds for every call of every history. What a proof
/// needs to know of the state is assumed by name (`assume...`); docs/proofs.md says for each why it
/// is so.
abstract contract AppAuthProof {
    AppAuth internal constant app = AppAuth(address(0xA00));

    bytes32 internal constant ONE = bytes32(uint256(1));
    uint256 internal constant FLOOR = 2 days;
    uint256 internal constant CEILING = 30 days;
    uint256 internal constant GRACE = 14 days;

    /// What the public views tell of one value of one setting.
    struct Entry {
        uint8 kind;
        bytes32 value;
        bool inForce;
        bool frozen;
        uint256 ripe;
    }

    function setUp() public virtual {
        vm.etch(address(app), type(AppAuth).runtimeCode);
        svm.enableSymbolicStorage(address(app));
        pass();
        vm.roll(svm.createUint(64, "block"));
        uint256 notice = app.noticePeriod();
        vm.assume(both(notice >= FLOOR, notice <= CEILING));
    }

    /// To any later time, or none later; from the first second to the year 36,812.
    function pass() internal {
        uint256 time = svm.createUint(40, "time");
        vm.assume(both(time != 0, time >= block.timestamp));
        vm.warp(time);
    }

    /// Anybody makes any call. Those that revert change nothing and are left out.
    function anyCall(address caller) internal {
        bytes memory data = svm.createCalldata("AppAuth");
        vm.prank(caller);
        (bool success,) = address(app).call(data);
        vm.assume(success);
    }

    function look(uint8 kind, bytes32 value) internal view returns (Entry memory) {
        uint256 ripe = app.ripeAt(kind, value);
        assumeTime(ripe);
        return Entry(kind, value, inForce(kind, value), app.isFrozen(kind), ripe);
    }

    /// A time that was announced is one that some announcement can have named: a clock of 40 bits and
    /// the longest notice.
    function assumeTime(uint256 ripe) internal pure {
        vm.assume(ripe < 1 << 41);
    }

    /// The list of OS images has a number, from 1 up, that no view tells: slot 2, above an address.
    function epoch() internal view returns (uint256) {
        return uint64(uint256(vm.load(address(app), bytes32(uint256(2)))) >> 160);
    }

    /// Whether a value is in force, told by the public views alone.
    function inForce(uint8 kind, bytes32 value) internal view returns (bool) {
        if (kind == Kinds.COMPOSE_HASH) return app.allowedComposeHashes(value);
        if (kind == Kinds.DEVICE) return app.allowedDeviceIds(value);
        if (kind == Kinds.ANY_DEVICE) return app.allowAnyDevice();
        if (kind == Kinds.TCB_REQUIREMENT) return !app.requireTcbUpToDate();
        if (kind == Kinds.OS_IMAGE) return app.allowedOsImages(value);
        if (kind == Kinds.ANY_OS_IMAGE) return !app.osImagesPinned();
        if (kind == Kinds.NOTICE_PERIOD) return app.noticePeriod() == uint256(value);
        if (kind == Kinds.GUARDIAN) return uint160(app.guardian()) == uint256(value);
        return app.isFrozen(uint8(uint256(value)));
    }

    /// May be activated now: announced, its notice over, not dead, its setting not frozen.
    function isRipe(Entry memory entry) internal view returns (bool) {
        return both(
            both(entry.ripe != 0, entry.ripe <= block.timestamp),
            both(block.timestamp < entry.ripe + GRACE, !entry.frozen)
        );
    }

    // Without jumps: && and || would double the paths each time.

    function both(bool a, bool b) internal pure returns (bool c) {
        assembly ("memory-safe") {
            c := and(a, b)
        }
    }

    function either(bool a, bool b) internal pure returns (bool c) {
        assembly ("memory-safe") {
            c := or(a, b)
        }
    }

    function implies(bool a, bool b) internal pure returns (bool) {
        return either(!a, b);
    }
}
