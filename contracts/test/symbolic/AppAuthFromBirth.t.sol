// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../../AppAuth.sol";
import {IAppAuth} from "../../interfaces/IAppAuth.sol";
import {svm, vm} from "./helpers/Svm.sol";

/// @notice An app as it is born, and calls by anybody at any times, with nothing assumed.
abstract contract Born {
    uint256 private constant START = 1_790_000_000;
    AppAuth internal app;

    function setUp() public {
        vm.warp(START);
        bytes32[] memory one = new bytes32[](1);
        one[0] = keccak256("one");
        app = new AppAuth(
            IAppAuth.Settings({
                owner: address(0x0123),
                guardian: address(0x4567),
                noticePeriod: 7 days,
                allowAnyDevice: false,
                requireTcbUpToDate: true,
                composeHashes: one,
                devices: one,
                osImages: one
            })
        );
    }

    /// Anybody, at any later time. Calls that revert change nothing and are left out.
    function call(bytes memory data) internal {
        uint256 time = svm.createUint(40, "time");
        vm.assume(time >= block.timestamp);
        vm.warp(time);
        vm.prank(svm.createAddress("caller"));
        (bool success,) = address(app).call(data);
        vm.assume(success);
    }
}

contract AppAuthBirthProof is Born {
    /// What the proofs about any state take for granted holds at birth and behind the first call.
    function check_assumptions(uint8 kind, bytes32 value) public {
        counted(kind, value);
        call(svm.createCalldata("AppAuth"));
        counted(kind, value);
    }

    function counted(uint8 kind, bytes32 value) private view {
        uint256 ripe = app.ripeAt(kind, value);
        assert(ripe < 1 << 41);
        assert(ripe == 0 || app.pendingCount() != 0);
        uint256 notice = app.noticePeriod();
        assert(notice >= 2 days && notice <= 30 days);
        assert(uint64(uint256(vm.load(address(app), bytes32(uint256(2)))) >> 160) != 0);
    }
}

/// @notice In one piece, what {AppAuthStepProof} says of each call. Of all pairs of calls (which halmos
/// does not get through) those by which a compose hash is announced and put in force.
contract AppAuthTwoCallsProof is Born {
    /// No other compose hash comes in force but by two calls, seven days and less than 21 apart.
    function check_composeHash(bytes32 composeHash, uint8 first, uint8 second) public {
        vm.assume(composeHash != keccak256("one"));
        call(announcement(first));
        assert(!app.allowedComposeHashes(composeHash));
        uint256 announced = block.timestamp;
        call(activation(second));
        if (!app.allowedComposeHashes(composeHash)) return;
        assert(block.timestamp >= announced + 7 days);
        assert(block.timestamp < announced + 21 days);
    }

    function announcement(uint8 which) private returns (bytes memory) {
        bytes32 value = svm.createBytes32("announced");
        if (which == 0) return abi.encodeWithSignature("proposeComposeHash(bytes32)", value);
        return abi.encodeCall(app.propose, (uint8(svm.createUint(8, "kind")), value));
    }

    function activation(uint8 which) private returns (bytes memory) {
        bytes32 value = svm.createBytes32("activated");
        if (which == 0) return abi.encodeCall(app.activateComposeHash, (value));
        if (which == 1) return abi.encodeCall(app.addComposeHash, (value));
        return abi.encodeCall(app.activate, (uint8(svm.createUint(8, "kind")), value));
    }
}
