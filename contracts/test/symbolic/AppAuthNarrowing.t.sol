// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Kinds} from "../../libraries/Kinds.sol";
import {AppAuthProof} from "./helpers/AppAuthProof.sol";
import {svm, vm} from "./helpers/Svm.sol";

/// @notice Narrowing always works: whatever the state and the time, the owner and the guardian can
/// take a value out of force at once, together with what is pending for it.
contract AppAuthNarrowingProof is AppAuthProof {
    /// @dev A pending proposal was counted: see docs/proofs.md.
    function assumeCounted(uint8 kind, bytes32 value) private view {
        uint256 ripe = app.ripeAt(kind, value);
        assumeTime(ripe);
        vm.assume(either(ripe == 0, app.pendingCount() != 0));
    }

    function ownerOrGuardian() private returns (address caller) {
        caller = svm.createAddress("caller");
        vm.assume(either(caller == app.owner(), caller == app.guardian()));
    }

    /// A revert of a proof itself would count as nothing, so it is asserted that there is none.
    function works(address caller, bytes memory data) private {
        vm.prank(caller);
        (bool success,) = address(app).call(data);
        assert(success);
    }

    function isRemoved(uint8 kind, bytes32 value) private {
        assumeCounted(kind, value);
        works(ownerOrGuardian(), abi.encodeCall(app.remove, (kind, value)));
        assert(!inForce(kind, value));
        assert(app.ripeAt(kind, value) == 0);
    }

    function check_remove_composeHash(bytes32 value) public {
        isRemoved(Kinds.COMPOSE_HASH, value);
    }

    function check_remove_device(bytes32 value) public {
        isRemoved(Kinds.DEVICE, value);
    }

    function check_remove_osImage(bytes32 value) public {
        vm.assume(epoch() != 0);
        isRemoved(Kinds.OS_IMAGE, value);
    }

    function check_remove_anyDevice() public {
        isRemoved(Kinds.ANY_DEVICE, ONE);
    }

    function check_stockNames(bytes32 value, uint8 which) public {
        uint8 kind = which == 0 ? Kinds.COMPOSE_HASH : which == 1 ? Kinds.DEVICE : Kinds.ANY_DEVICE;
        if (kind == Kinds.ANY_DEVICE) value = ONE;
        assumeCounted(kind, value);
        bytes memory data = abi.encodeCall(app.setAllowAnyDevice, (false));
        if (kind == Kinds.COMPOSE_HASH) data = abi.encodeCall(app.removeComposeHash, (value));
        if (kind == Kinds.DEVICE) data = abi.encodeCall(app.removeDevice, (value));
        works(ownerOrGuardian(), data);
        assert(!inForce(kind, value));
        assert(app.ripeAt(kind, value) == 0);
    }

    /// The owner alone: requiring the TCB, and a longer notice.
    function check_requireTcb() public {
        assumeCounted(Kinds.TCB_REQUIREMENT, 0);
        works(app.owner(), abi.encodeCall(app.setRequireTcbUpToDate, (true)));
        assert(app.requireTcbUpToDate());
        assert(app.ripeAt(Kinds.TCB_REQUIREMENT, 0) == 0);
    }

    function check_increaseNotice(uint32 seconds_) public {
        vm.assume(both(seconds_ > app.noticePeriod(), seconds_ <= CEILING));
        works(app.owner(), abi.encodeCall(app.increaseNoticePeriod, (seconds_)));
        assert(app.noticePeriod() == seconds_);
    }

    /// A pending proposal of any kind can be withdrawn by owner and guardian at any time.
    function check_cancel(uint8 kind, bytes32 value) public {
        assumeCounted(kind, value);
        vm.assume(app.ripeAt(kind, value) != 0);
        uint256 count = app.pendingCount();
        works(ownerOrGuardian(), abi.encodeCall(app.cancel, (kind, value)));
        assert(app.ripeAt(kind, value) == 0);
        assert(app.pendingCount() == count - 1);
    }
}
