// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

/// @title The settings of an AppAuth, as numbers
/// @notice `propose`, `activate`, `cancel` and `remove` name a setting by one of these, with a value of
/// 32 bytes. An entry of the history carries `action | setting` in one byte, so the high nibble says
/// what happened and the low one to what. These numbers are part of the interface and never change.
library Kinds {
    /// @dev Value: a compose hash.
    uint8 internal constant COMPOSE_HASH = 1;
    /// @dev Value: a device id.
    uint8 internal constant DEVICE = 2;
    /// @dev Value: 1, every device is accepted; 0, only the listed ones.
    uint8 internal constant ANY_DEVICE = 3;
    /// @dev Value: 1, the TCB must be up to date; 0, it need not.
    uint8 internal constant TCB_REQUIREMENT = 4;
    /// @dev Value: the hash of an OS image the app accepts.
    uint8 internal constant OS_IMAGE = 5;
    /// @dev Value: 1, the app's own list of OS images is cleared and what the KMS allows is accepted.
    uint8 internal constant ANY_OS_IMAGE = 6;
    /// @dev Value: seconds.
    uint8 internal constant NOTICE_PERIOD = 7;
    /// @dev Value: an address, left-padded; zero for none.
    uint8 internal constant GUARDIAN = 8;
    /// @dev Value: the setting (1 to 8) that can never widen again.
    uint8 internal constant FREEZE = 9;
    /// @dev Value: an address, left-padded. Never proposed: only recorded.
    uint8 internal constant OWNER = 10;
    /// @dev Value: an address, left-padded. Never proposed: only recorded.
    uint8 internal constant PENDING_OWNER = 11;
    /// @dev Value: keccak256(abi.encode(composeHash, sourceDigest, uri)). Only recorded, right behind
    /// the proposal it belongs to.
    uint8 internal constant SOURCE = 12;

    /// @dev A proposal was made.
    uint8 internal constant PROPOSED = 0x10;
    /// @dev A proposal was withdrawn, or cleared when dead.
    uint8 internal constant CANCELLED = 0x20;
    /// @dev The value is in force from here: by birth, by activation, or because it narrows.
    uint8 internal constant SET = 0x30;
    /// @dev The value is no longer accepted.
    uint8 internal constant REMOVED = 0x40;
}
