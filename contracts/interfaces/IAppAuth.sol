// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IDstackAppAuth, IDstackAppAuthManagement} from "./IDstackAppAuth.sol";

/// @title An app's policy under which nothing widens without notice
/// @notice Times are Unix seconds. `kind` is one of the numbers in {Kinds}.
interface IAppAuth is IDstackAppAuth, IDstackAppAuthManagement {
    /// @notice What an app is born with. In force at once: nobody can have relied on it before.
    /// @param owner Proposes, cancels, removes. Not zero.
    /// @param guardian Cancels and removes, nothing more; zero for none.
    /// @param noticePeriod Seconds, from the floor to the ceiling.
    /// @param allowAnyDevice Whether every device is accepted.
    /// @param requireTcbUpToDate Whether the platform's TCB must be up to date.
    /// @param composeHashes Allowed from birth; none of them zero.
    /// @param devices Allowed from birth; none of them zero.
    /// @param osImages The app's own list of OS images. Empty: what the KMS allows.
    struct Settings {
        address owner;
        address guardian;
        uint32 noticePeriod;
        bool allowAnyDevice;
        bool requireTcbUpToDate;
        bytes32[] composeHashes;
        bytes32[] devices;
        bytes32[] osImages;
    }

    // ------------------------------------------------------------------ events

    /// @notice A compose hash was announced. It may be activated from `ripeAt` until before `expiresAt`.
    event ComposeHashProposed(
        bytes32 indexed composeHash,
        uint48 ripeAt,
        uint48 expiresAt,
        bytes32 sourceDigest,
        string uri
    );
    /// @notice The announcement of a compose hash was withdrawn, or cleared when dead.
    event ComposeHashCancelled(bytes32 indexed composeHash, address indexed by);
    /// @notice A widening of another setting was announced.
    event Proposed(uint8 indexed kind, bytes32 indexed value, uint48 ripeAt, uint48 expiresAt);
    /// @notice Such an announcement was withdrawn, or cleared when dead.
    event Cancelled(uint8 indexed kind, bytes32 indexed value, address indexed by);
    /// @notice The app accepts this OS image. The first one ends "what the KMS allows".
    event OsImageAdded(bytes32 osImageHash);
    /// @notice The app no longer accepts this OS image.
    event OsImageRemoved(bytes32 osImageHash);
    /// @notice The app's own list of OS images is gone: what the KMS allows is accepted.
    event OsImagesCleared();
    event NoticePeriodSet(uint32 noticePeriod);
    event GuardianSet(address indexed guardian);
    /// @notice This setting can never widen again.
    event Frozen(uint8 indexed kind);
    event OwnershipTransferStarted(address indexed previousOwner, address indexed newOwner);
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
    /// @notice The history grew by one entry; `root` is the new root. `kind` is `action | setting`.
    event HistoryExtended(bytes32 indexed root, uint8 kind, bytes32 value, address actor);

    // ------------------------------------------------------------------ errors

    /// @notice Only the owner may do this. (OpenZeppelin's name: clients decode it.)
    error OwnableUnauthorizedAccount(address account);
    /// @notice The owner may not be this address. (OpenZeppelin's name.)
    error OwnableInvalidOwner(address owner);
    /// @notice Only the owner or the guardian may do this.
    error NotOwnerOrGuardian(address account);
    /// @notice No such setting, or not one that this call takes.
    error InvalidKind(uint8 kind);
    /// @notice This value means nothing for this setting.
    error InvalidValue(uint8 kind, bytes32 value);
    /// @notice The value is in force already, so there is nothing to announce.
    error AlreadyAllowed(uint8 kind, bytes32 value);
    /// @notice The value is announced already and may be activated from `ripeAt`.
    error AlreadyPending(uint8 kind, bytes32 value, uint48 ripeAt);
    /// @notice As many proposals as an app may have are pending.
    error TooManyPending(uint256 maximum);
    /// @notice Nothing is pending under this value.
    error NotPending(uint8 kind, bytes32 value);
    /// @notice The notice runs until `ripeAt`.
    error NoticeNotElapsed(uint8 kind, bytes32 value, uint48 ripeAt);
    /// @notice The proposal died at `expiredAt`; it needs a new full notice.
    error ProposalExpired(uint8 kind, bytes32 value, uint48 expiredAt);
    /// @notice This needs to be proposed first and cannot be in force before `earliest`.
    error NoticeRequired(uint8 kind, bytes32 value, uint256 earliest);
    /// @notice This setting was frozen and can never widen again.
    error KindFrozen(uint8 kind);
    /// @notice The notice period must lie in [minimum, maximum] seconds.
    error NoticePeriodOutOfRange(uint256 noticePeriod, uint256 minimum, uint256 maximum);
    /// @notice Only an increase is instant.
    error NotAnIncrease(uint32 current, uint32 proposed);
    /// @notice There is a guardian; replacing one takes the notice.
    error GuardianAlreadySet(address guardian);
    /// @notice The app has its own list of OS images; adding to it takes the notice.
    error OsImagesAlreadyPinned();
    /// @notice The owner may only leave an app whose code can no longer change.
    error ComposeHashesNotFrozen();
    /// @notice The URI is longer than `maximum` bytes.
    error UriTooLong(uint256 length, uint256 maximum);

    // ------------------------------------------------------- announce and widen

    /// @notice Announces a compose hash. Owner only.
    function proposeComposeHash(bytes32 composeHash) external;
    /// @notice Announces a compose hash and says where its source is. Owner only.
    /// @param sourceDigest A digest of the source, by convention the commit id, left-padded if shorter.
    /// @param uri Where to read the compose file and the source. A claim of the owner; not checked.
    function proposeComposeHash(bytes32 composeHash, bytes32 sourceDigest, string calldata uri)
        external;
    /// @notice Makes an announced compose hash allowed once its notice is over. Anyone may.
    function activateComposeHash(bytes32 composeHash) external;
    /// @notice Withdraws an announced compose hash. Owner or guardian; anyone once it is dead.
    function cancelComposeHash(bytes32 composeHash) external;
    /// @notice Announces a widening of any setting. Owner only.
    function propose(uint8 kind, bytes32 value) external;
    /// @notice Puts an announced widening in force once its notice is over. Anyone may.
    function activate(uint8 kind, bytes32 value) external;
    /// @notice Withdraws an announced widening. Owner or guardian; anyone once it is dead.
    function cancel(uint8 kind, bytes32 value) external;

    // ------------------------------------------------------------------- narrow

    /// @notice Stops accepting a compose hash, device, OS image or (value 1) any device, and withdraws a
    /// pending proposal for the same value. Owner or guardian. Does nothing where there is nothing.
    function remove(uint8 kind, bytes32 value) external;
    /// @notice `false` narrows at once (owner or guardian). `true` as `addDevice` does.
    function setAllowAnyDevice(bool allowAny) external;
    /// @notice `true` narrows at once (owner). `false` as `addDevice` does.
    function setRequireTcbUpToDate(bool requireUpToDate) external;
    /// @notice Gives the app a list of OS images of its own, not an empty one, where it has none. Owner
    /// only.
    function pinOsImages(bytes32[] calldata osImageHashes) external;
    /// @notice Lengthens the notice. Pending proposals keep the time they announced. Owner only.
    function increaseNoticePeriod(uint32 seconds_) external;
    /// @notice Names a guardian where there is none. Owner only.
    function setGuardian(address guardian_) external;

    // ---------------------------------------------------------------- ownership

    function transferOwnership(address newOwner) external;
    function acceptOwnership() external;
    function renounceOwnership() external;

    // -------------------------------------------------------------------- views

    function owner() external view returns (address);
    function pendingOwner() external view returns (address);
    function guardian() external view returns (address);
    function noticePeriod() external view returns (uint32);
    /// @notice The notice period, by the name other timelocks use.
    function getTimelock() external view returns (uint256);
    function allowedComposeHashes(bytes32 composeHash) external view returns (bool);
    function allowedDeviceIds(bytes32 deviceId) external view returns (bool);
    function allowAnyDevice() external view returns (bool);
    function requireTcbUpToDate() external view returns (bool);
    /// @notice Whether the app has a list of OS images of its own (which may be empty: then none boots).
    function osImagesPinned() external view returns (bool);
    /// @notice Whether this OS image is on the app's own list. False where there is no list.
    function allowedOsImages(bytes32 osImageHash) external view returns (bool);
    function isFrozen(uint8 kind) external view returns (bool);
    /// @notice Proposals that are announced, ripe, or dead but not cleared.
    function pendingCount() external view returns (uint256);
    /// @notice When an announced compose hash may be activated; 0 where none is pending or it is dead.
    function activatesAt(bytes32 composeHash) external view returns (uint256);
    /// @notice When a value was announced to become possible; 0 where it is not pending. A dead
    /// proposal that nobody cleared still shows its time here.
    function ripeAt(uint8 kind, bytes32 value) external view returns (uint256);
    /// @notice The earliest time at which a value could be in force, whatever anybody does from now on:
    /// 0 where it is, `type(uint256).max` where it never can be without a narrowing first. A device that
    /// is not listed is also accepted while any is, and so with OS images: who watches one of them asks
    /// for ANY_DEVICE or ANY_OS_IMAGE as well.
    function earliest(uint8 kind, bytes32 value) external view returns (uint256);
    /// @notice Whether a compose hash was allowed at a time, by its latest interval. False for earlier
    /// intervals (the index knows those) and for times that have not come.
    function allowedAt(bytes32 composeHash, uint256 timestamp) external view returns (bool);
    /// @notice keccak256 chain over every change since birth; see the header of AppAuth.
    function historyRoot() external view returns (bytes32);
    function version() external view returns (uint256);
    /// @notice The shortest notice this code enforces, in seconds.
    function minNoticePeriod() external view returns (uint256);
}
