// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IDstackAppAuth} from "../../interfaces/IDstackAppAuth.sol";
import {Kinds} from "../../libraries/Kinds.sol";
import {AppAuthProof} from "./helpers/AppAuthProof.sol";
import {svm, vm} from "./helpers/Svm.sol";

/// @notice The boot decision, and what calls can do to the set of boot infos that are accepted.
contract AppAuthBootDecisionProof is AppAuthProof {
    /// Any boot info with strings of these lengths.
    function anyBootInfo(uint256 tcbLength, uint256 advisories)
        private
        returns (IDstackAppAuth.AppBootInfo memory info)
    {
        info.appId = svm.createAddress("appId");
        info.composeHash = svm.createBytes32("composeHash");
        info.instanceId = svm.createAddress("instanceId");
        info.deviceId = svm.createBytes32("deviceId");
        info.mrAggregated = svm.createBytes32("mrAggregated");
        info.mrSystem = svm.createBytes32("mrSystem");
        info.osImageHash = svm.createBytes32("osImageHash");
        info.tcbStatus = string(svm.createBytes(tcbLength, "tcbStatus"));
        info.advisoryIds = new string[](advisories);
        for (uint256 i = 0; i < advisories; ++i) {
            info.advisoryIds[i] = string(svm.createBytes(9, "advisory"));
        }
    }

    /// The decision, written out from the views.
    function specified(IDstackAppAuth.AppBootInfo memory info) private view returns (bool) {
        bool tcb = keccak256(bytes(info.tcbStatus)) == keccak256("UpToDate");
        bool device = either(app.allowAnyDevice(), app.allowedDeviceIds(info.deviceId));
        bool image = either(!app.osImagesPinned(), app.allowedOsImages(info.osImageHash));
        return both(
            both(info.appId == address(app), either(!app.requireTcbUpToDate(), tcb)),
            both(app.allowedComposeHashes(info.composeHash), both(device, image))
        );
    }

    function isSpecified(uint256 tcbLength, uint256 advisories) private {
        IDstackAppAuth.AppBootInfo memory info = anyBootInfo(tcbLength, advisories);
        // Not a typed call: what is proved is also that it never reverts.
        (bool success, bytes memory answer) =
            address(app).staticcall(abi.encodeCall(IDstackAppAuth.isAppAllowed, (info)));
        assert(success);
        (bool allowed, string memory reason) = abi.decode(answer, (bool, string));
        assert(allowed == specified(info));
        assert(allowed == (bytes(reason).length == 0));
    }

    function check_isAppAllowed_lengthOfUpToDate() public {
        isSpecified(8, 0);
    }

    function check_isAppAllowed_otherLengths(uint8 which) public {
        if (which == 0) isSpecified(0, 0);
        else if (which == 1) isSpecified(9, 1);
        else isSpecified(33, 2);
    }

    /// "UpToDate" itself, letter by letter: hashes of unknown strings are uninterpreted in the others.
    function check_isAppAllowed_upToDate() public {
        IDstackAppAuth.AppBootInfo memory info = anyBootInfo(0, 0);
        info.tcbStatus = "UpToDate";
        (bool allowed,) = app.isAppAllowed(info);
        assert(allowed == specified(info));
        info.tcbStatus = "OutOfDate";
        (allowed,) = app.isAppAllowed(info);
        assert(implies(allowed, !app.requireTcbUpToDate()));
    }

    /// The accepted set never grows by what only the owner and the guardian may call, whoever calls it.
    /// (That it grows by nothing but the activation of what is ripe follows from the decision as it
    /// is written out above and from {AppAuthStepProof}, which treats each part of it.)
    function check_removalGrowsNothing(uint8 kind, bytes32 value, address caller) public {
        IDstackAppAuth.AppBootInfo memory info = anyBootInfo(8, 0);
        vm.assume(!specified(info));
        vm.prank(caller);
        app.remove(kind, value);
        assert(!specified(info));
    }

    function check_cancellationGrowsNothing(uint8 kind, bytes32 value, address caller) public {
        IDstackAppAuth.AppBootInfo memory info = anyBootInfo(8, 0);
        vm.assume(!specified(info));
        vm.prank(caller);
        app.cancel(kind, value);
        assert(!specified(info));
    }

    /// What is accepted stays so whatever strangers do.
    function check_strangersNarrowNothing(address caller) public {
        vm.assume(both(caller != app.owner(), caller != app.guardian()));
        IDstackAppAuth.AppBootInfo memory info = anyBootInfo(8, 0);
        vm.assume(specified(info));
        anyCall(caller);
        assert(specified(info));
    }
}
