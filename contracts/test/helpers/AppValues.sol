// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../../AppAuth.sol";
import {Kinds} from "../../libraries/Kinds.sol";

/// @notice A value of a setting.
struct Value {
    uint8 kind;
    bytes32 value;
}

/// @notice Whether a value is in force, told by the public views alone.
function isInForce(AppAuth app, uint8 kind, bytes32 value) view returns (bool) {
    if (kind == Kinds.COMPOSE_HASH) return app.allowedComposeHashes(value);
    if (kind == Kinds.DEVICE) return app.allowedDeviceIds(value);
    if (kind == Kinds.ANY_DEVICE) return app.allowAnyDevice();
    if (kind == Kinds.TCB_REQUIREMENT) return !app.requireTcbUpToDate();
    if (kind == Kinds.OS_IMAGE) return app.allowedOsImages(value);
    if (kind == Kinds.ANY_OS_IMAGE) return !app.osImagesPinned();
    if (kind == Kinds.NOTICE_PERIOD) return app.noticePeriod() == uint256(value);
    if (kind == Kinds.GUARDIAN) return bytes32(uint256(uint160(app.guardian()))) == value;
    return app.isFrozen(uint8(uint256(value)));
}
