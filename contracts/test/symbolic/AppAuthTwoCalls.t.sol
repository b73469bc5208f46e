// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../../AppAuth.sol";
import {IAppAuth} from "../../interfaces/IAppAuth.sol";
import {svm, vm} from "./helpers/Svm.sol";

/// @notice From birth, in one piece and with nothing assumed: two calls by anybody, at any times.
contract AppAuthTwoCallsProof {
    uint256 private constant START = 1_790_000_000;
    AppAuth private app;

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

    function call() private {
        uint256 time = svm.createUint(40, "time");
        vm.assume(time >= block.timestamp);
        vm.warp(time);
        bytes memory data = svm.createCalldata("AppAuth");
        vm.prank(svm.createAddress("caller"));
        (bool success,) = address(app).call(data);
        vm.assume(success);
    }

    /// No other compose hash comes in force but by two calls, seven days and less than 21 apart.
    function check_composeHash(bytes32 composeHash) public {
        vm.assume(composeHash != keccak256("one"));
        call();
        assert(!app.allowedComposeHashes(composeHash));
        uint256 first = block.timestamp;
        call();
        if (!app.allowedComposeHashes(composeHash)) return;
        assert(block.timestamp >= first + 7 days);
        assert(block.timestamp < first + 21 days);
    }

    /// What the inductive proofs take for granted of any state holds at birth and behind two calls.
    function check_assumptions(uint8 kind, bytes32 value) public {
        vm.assume(kind == 1 || kind == 2);
        call();
        counted(kind, value);
        call();
        counted(kind, value);
    }

    function counted(uint8 kind, bytes32 value) private view {
        uint256 ripe = app.ripeAt(kind, value);
        assert(ripe < 1 << 41);
        assert(ripe == 0 || app.pendingCount() != 0);
        assert(uint64(uint256(vm.load(address(app), bytes32(uint256(2)))) >> 160) != 0);
    }
}
