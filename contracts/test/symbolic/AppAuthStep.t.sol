// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Kinds} from "../../libraries/Kinds.sol";
import {AppAuthProof} from "./helpers/AppAuthProof.sol";
import {svm, vm} from "./helpers/Svm.sol";

/// @notice ONE RULE, as steps: whatever the state, whoever calls whatever with whatever arguments at
/// whatever time, a value comes into force only by the activation of a ripe proposal, and a proposal
/// comes only from the owner and with the full notice. By induction over the calls of a history,
/// nothing was ever in force in less than the notice that was set when it was announced.
contract AppAuthStepProof is AppAuthProof {
    /// Announcements: by the owner, for what is not in force, at now + notice exactly, so never
    /// under the floor; and no call gives a pending proposal another time.
    function check_announcements(bytes32[8] calldata values, address caller) public {
        uint8[8] memory kinds = [1, 2, 3, 4, 5, 6, 8, 9];
        uint256[8] memory before;
        bool[8] memory frozen;
        for (uint256 i = 0; i < 8; ++i) {
            before[i] = app.ripeAt(kinds[i], values[i]);
            assumeTime(before[i]);
            frozen[i] = app.isFrozen(kinds[i]);
        }
        uint256 notice = app.noticePeriod();
        address owner = app.owner();
        anyCall(caller);
        bool good = true; // one question to the solver instead of eight
        for (uint256 i = 0; i < 8; ++i) {
            uint256 ripe = app.ripeAt(kinds[i], values[i]);
            bool isNew = both(ripe != before[i], ripe != 0);
            bool allowed = both(caller == owner, !frozen[i]);
            bool full = announcedInFull(ripe, before[i], notice);
            good = both(good, implies(isNew, both(allowed, full)));
        }
        assert(good);
    }

    function announcedInFull(uint256 ripe, uint256 before, uint256 notice)
        private
        view
        returns (bool)
    {
        bool full = both(ripe == block.timestamp + notice, notice >= FLOOR);
        // What was pending before may only have been dead.
        return both(full, either(before == 0, block.timestamp >= before + GRACE));
    }

    /// The same for the notice period; it stays within its limits; and it gets shorter only by the
    /// activation of a ripe proposal.
    function check_noticePeriod(bytes32 value, address caller) public {
        Entry memory before = look(Kinds.NOTICE_PERIOD, value);
        uint256 notice = app.noticePeriod();
        address owner = app.owner();
        anyCall(caller);
        uint256 ripe = app.ripeAt(Kinds.NOTICE_PERIOD, value);
        bool isNew = both(ripe != before.ripe, ripe != 0);
        assert(implies(isNew, announcedInFull(ripe, before.ripe, notice)));
        assert(implies(isNew, both(caller == owner, !before.frozen)));

        uint256 now_ = app.noticePeriod();
        assert(both(now_ >= FLOOR, now_ <= CEILING));
        assert(implies(both(now_ < notice, bytes32(now_) == value), isRipe(before)));
        assert(implies(now_ > notice, caller == owner));
    }

    /// Devices, any device, the TCB requirement, the guardian, freezes.
    function check_settings(bytes32 device, uint8 frozenKind, address guardian, address caller)
        public
    {
        vm.assume(both(frozenKind != 0, frozenKind < Kinds.FREEZE));
        Entry[5] memory before = [
            look(Kinds.DEVICE, device),
            look(Kinds.ANY_DEVICE, ONE),
            look(Kinds.TCB_REQUIREMENT, 0),
            look(Kinds.FREEZE, bytes32(uint256(frozenKind))),
            look(Kinds.GUARDIAN, bytes32(uint256(uint160(guardian))))
        ];
        bool hadGuardian = app.guardian() != address(0);
        address owner = app.owner();
        anyCall(caller);
        bool good = true;
        for (uint256 i = 0; i < 4; ++i) {
            bool came = both(!before[i].inForce, inForce(before[i].kind, before[i].value));
            bool used = app.ripeAt(before[i].kind, before[i].value) == 0;
            good = both(good, implies(came, both(isRipe(before[i]), used)));
        }
        // A guardian where there was none narrows; the owner names one.
        bool named = both(!before[4].inForce, inForce(before[4].kind, before[4].value));
        good = both(good, implies(both(named, hadGuardian), isRipe(before[4])));
        good = both(good, implies(both(named, !hadGuardian), caller == owner));
        // Nothing unfreezes.
        good = both(good, implies(before[3].inForce, app.isFrozen(frozenKind)));
        assert(good);
    }

    function check_composeHash(bytes32 composeHash, address caller) public {
        Entry memory before = look(Kinds.COMPOSE_HASH, composeHash);
        vm.assume(!before.inForce);
        anyCall(caller);
        bool now_ = app.allowedComposeHashes(composeHash);
        assert(implies(now_, isRipe(before)));
        assert(implies(now_, app.ripeAt(Kinds.COMPOSE_HASH, composeHash) == 0));
    }

    /// Whether the app lets an OS image pass: it is on the list, or there is none. Naming the first
    /// list narrows.
    function check_osImage(bytes32 osImage, address caller) public {
        Entry memory added = look(Kinds.OS_IMAGE, osImage);
        Entry memory cleared = look(Kinds.ANY_OS_IMAGE, ONE);
        vm.assume(!either(added.inForce, cleared.inForce));
        uint256 list = epoch();
        anyCall(caller);
        assert(epoch() >= list);
        bool now_ = either(app.allowedOsImages(osImage), !app.osImagesPinned());
        assert(implies(now_, either(isRipe(added), isRipe(cleared))));
    }
}
