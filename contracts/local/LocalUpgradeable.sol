// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";

/// @title What the stock dstack contracts have in common: two-step owner, UUPS, audit event
/// @notice Local stand-in: for local chains and tests only, own code, never deployed elsewhere.
/// @dev Stock contracts build on OpenZeppelin's upgradeable package, which keeps the owner in
/// ERC-7201 slots, away from slot 0. The same slots are used here, since tools read the others by
/// number (slot 1 of a DstackApp holds the switch without a getter).
abstract contract LocalUpgradeable is Initializable, UUPSUpgradeable {
    /// @dev ERC-7201 slot of "openzeppelin.storage.Ownable"; its one field is the owner.
    bytes32 private constant _OWNER_SLOT = keccak256(
        abi.encode(uint256(keccak256("openzeppelin.storage.Ownable")) - 1)
    ) & ~bytes32(uint256(0xff));

    /// @dev ERC-7201 slot of "openzeppelin.storage.Ownable2Step": the pending owner.
    bytes32 private constant _PENDING_OWNER_SLOT = keccak256(
        abi.encode(uint256(keccak256("openzeppelin.storage.Ownable2Step")) - 1)
    ) & ~bytes32(uint256(0xff));

    /// @notice The owner changed.
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    /// @notice A transfer was offered.
    event OwnershipTransferStarted(address indexed previousOwner, address indexed newOwner);

    /// @notice Stock audit event (2026), next to the typed event of the same change.
    /// @param actor The caller.
    /// @param policy keccak256 of the policy's name.
    /// @param value The value concerned; an address is left-padded, dynamic data is hashed.
    /// @param enabled What it became.
    event PolicyChanged(
        address indexed actor, bytes32 indexed policy, bytes32 indexed value, bool enabled
    );

    /// @notice The caller may not do this.
    error OwnableUnauthorizedAccount(address account);

    /// @notice This account cannot be the owner.
    error OwnableInvalidOwner(address owner);

    modifier onlyOwner() {
        if (msg.sender != owner()) revert OwnableUnauthorizedAccount(msg.sender);
        _;
    }

    constructor() {
        _disableInitializers();
    }

    /// @notice The owner.
    function owner() public view returns (address) {
        return _load(_OWNER_SLOT);
    }

    /// @notice Whoever may accept the ownership.
    function pendingOwner() public view returns (address) {
        return _load(_PENDING_OWNER_SLOT);
    }

    /// @notice Offers the ownership; zero takes an offer back.
    function transferOwnership(address newOwner) external onlyOwner {
        _store(_PENDING_OWNER_SLOT, newOwner);
        emit OwnershipTransferStarted(owner(), newOwner);
    }

    /// @notice Takes an offered ownership.
    function acceptOwnership() external {
        if (msg.sender != pendingOwner()) revert OwnableUnauthorizedAccount(msg.sender);
        _setOwner(msg.sender);
    }

    /// @notice Gives the ownership up.
    function renounceOwnership() external onlyOwner {
        _setOwner(address(0));
    }

    function _initializeOwner(address initialOwner) internal {
        if (initialOwner == address(0)) revert OwnableInvalidOwner(address(0));
        _setOwner(initialOwner);
    }

    function _emitPolicy(string memory policy, bytes32 value, bool enabled) internal {
        emit PolicyChanged(msg.sender, keccak256(bytes(policy)), value, enabled);
    }

    function _asWord(address account) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    function _setOwner(address newOwner) private {
        address previous = owner();
        _store(_PENDING_OWNER_SLOT, address(0));
        _store(_OWNER_SLOT, newOwner);
        emit OwnershipTransferred(previous, newOwner);
    }

    function _load(bytes32 slot) private view returns (address account) {
        assembly ("memory-safe") {
            account := sload(slot)
        }
    }

    function _store(bytes32 slot, address account) private {
        assembly ("memory-safe") {
            sstore(slot, account)
        }
    }
}
