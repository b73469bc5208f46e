// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IAppAuth} from "./interfaces/IAppAuth.sol";
import {IDstackAppAuth, IDstackAppAuthManagement} from "./interfaces/IDstackAppAuth.sol";
import {Kinds} from "./libraries/Kinds.sol";

/// @title AppAuth: the policy of a dstack app, under a notice period
/// @notice The app id is this contract's address. A DstackKms asks `isAppAllowed` before it releases the
/// app's keys to an instance.
///
/// ONE RULE. Let A be the set of boot infos this contract accepts. Narrowing A is instant. Widening A
/// takes the full notice. Nothing else exists: every function either shrinks A at once, or announces a
/// growth of A that becomes possible only after the notice.
///
/// PROPOSALS. A widening is proposed by the owner at time p and becomes ripe at r = p + noticePeriod(p).
/// From r, anyone may activate it. From r + GRACE_PERIOD on it is dead and needs a new full notice; a
/// dead one may be cleared by anyone. At most MAX_PENDING proposals exist at once, dead ones included.
/// The owner or the guardian may cancel one at any time, and a narrowing that removes or sets the very
/// value withdraws it. A proposal keeps the time it announced, whatever becomes of the notice period.
///
/// EARLIEST TIME. For a value that is not in force, at time t, with notice n and the pending proposal of
/// a shorter notice n' ripe at r' (if there is one):
///     earliest = min( max(t, r) if it is pending and not dead,
///                     t + n,
///                     max(t, r') + n' )
/// Three values have one more way, by a widening that is pending under another value and a narrowing
/// right behind it: a notice period of at least n' at max(t, r'); a guardian once the removal of the
/// present one is ripe; an OS image once the list may be cleared, since a new list may name it, even
/// where adding to the list is frozen. Without an owner only what is pending can come. No sequence of
/// calls by anybody puts the value in force before that time, unless a narrowing alone does. `earliest`
/// computes it.
///
/// SETTINGS. What widens, and what narrows, for each:
///   compose hash     add                               | remove
///   device           add; accept any                   | remove; stop accepting any
///   TCB requirement  drop                              | require
///   OS images        add to the app's list; clear it   | first list; remove one
///   notice period    decrease, never under the floor   | increase, never over the ceiling
///   guardian         remove or replace                 | name one where there is none
///   freeze           of one setting: irreversible, and through notice like a widening, because users
///                    may rely on a change that was announced
/// Removing the last OS image leaves an empty list, which accepts none. It never means "any".
///
/// ROLES. The owner proposes, cancels and narrows. The guardian cancels and removes, nothing more.
/// Ownership moves in two steps and without notice, because the owner can widen nothing without it.
/// It may be renounced only when compose hashes are frozen.
///
/// DROP-IN. The stock read interface, events and reason strings are kept exactly. `addComposeHash`,
/// `addDevice` and the stock setters activate what is ripe, succeed without effect where the value is
/// in force, and otherwise revert with the time: tools take a silent success for permission to restart.
///
/// HISTORY. Every change of state, the constructor's included, does
///     historyRoot = keccak256(abi.encode(historyRoot, kind, value, actor, block.number, block.timestamp))
/// from the seed keccak256(abi.encode(HISTORY_DOMAIN, block.chainid, address(this))), and emits
/// HistoryExtended. One storage proof of the root (slot 3) at any later block authenticates the whole
/// list with its blocks and times: no entry can be left out or back-dated.
///
/// CODE. No proxy, no delegatecall, no selfdestruct, no constructor-time constants ("immutables"): every
/// AppAuth on every chain has the same runtime code, so its code hash identifies these rules.
///
/// NOT GIVEN. A running instance is not stopped and keys already released are not taken back: dstack
/// derives them from the app id and a path only. The operators of the KMS contract can replace it and
/// admit OS images; an app's own list of OS images narrows the second, nothing here prevents the first.
/// Values of environment variables are not part of a compose hash.
contract AppAuth is IAppAuth {
    // ------------------------------------------------------------------ constants

    /// @notice Seconds after which a ripe proposal is dead.
    uint256 public constant GRACE_PERIOD = 14 days;
    /// @notice The longest notice, in seconds: a longer one would mostly keep security fixes away.
    uint256 public constant MAX_NOTICE_PERIOD = 30 days;
    /// @notice The most proposals that exist at once: more than a person can follow protects nobody.
    uint256 public constant MAX_PENDING = 16;
    /// @notice The longest URI of a proposal, in bytes.
    uint256 public constant MAX_URI_LENGTH = 1024;
    /// @notice Separates these roots from every other hash.
    bytes32 public constant HISTORY_DOMAIN = keccak256("devproof AppAuth history v1");

    string private constant UP_TO_DATE = "UpToDate";

    // -------------------------------------------------------------------- storage

    /// @dev The life of a compose hash, one slot: [since, until) is its latest interval of being allowed
    /// (until = 0: it still is), ripeAt its pending proposal (0: none). Never both allowed and pending.
    struct ComposeHashState {
        uint48 since;
        uint48 until;
        uint48 ripeAt;
    }

    // Slot 0, all that isAppAllowed and propose read besides one mapping entry.
    address public owner;
    uint32 public noticePeriod;
    uint8 private _pendingCount;
    bool public allowAnyDevice;
    bool public requireTcbUpToDate;
    bool public osImagesPinned;
    uint16 private _frozen; // bit k: setting k

    // Slot 1. At most one decrease of the notice is pending, so that `earliest` can be computed.
    address public guardian;
    uint32 private _pendingNotice;
    uint48 private _pendingNoticeRipeAt;

    // Slot 2. An OS image is on the list if its entry is the list's epoch; clearing moves the epoch.
    address public pendingOwner;
    uint64 private _osImageEpoch;

    /// @inheritdoc IAppAuth
    bytes32 public historyRoot; // slot 3

    mapping(bytes32 composeHash => ComposeHashState) private _composeHashes;
    /// @inheritdoc IAppAuth
    mapping(bytes32 deviceId => bool) public allowedDeviceIds;
    mapping(bytes32 osImageHash => uint64) private _osImageEpochOf;
    mapping(uint8 kind => mapping(bytes32 value => uint48)) private _ripeAt;

    // ---------------------------------------------------------------- construction

    constructor(Settings memory born) {
        if (born.owner == address(0)) revert OwnableInvalidOwner(address(0));
        _checkNoticePeriod(born.noticePeriod);
        historyRoot = keccak256(abi.encode(HISTORY_DOMAIN, block.chainid, address(this)));
        _osImageEpoch = 1;
        _setOwner(born.owner);
        if (born.guardian != address(0)) _setGuardian(born.guardian);
        _setNoticePeriod(born.noticePeriod);
        _setAllowAnyDevice(born.allowAnyDevice);
        _setRequireTcbUpToDate(born.requireTcbUpToDate);
        for (uint256 i; i < born.composeHashes.length; ++i) {
            bytes32 composeHash = born.composeHashes[i];
            _checkNotZero(Kinds.COMPOSE_HASH, composeHash);
            if (!allowedComposeHashes(composeHash)) _allowComposeHash(composeHash);
        }
        for (uint256 i; i < born.devices.length; ++i) {
            bytes32 deviceId = born.devices[i];
            _checkNotZero(Kinds.DEVICE, deviceId);
            if (!allowedDeviceIds[deviceId]) _allowDevice(deviceId);
        }
        _pinOsImages(born.osImages);
    }

    // ---------------------------------------------------------- announce and widen

    /// @inheritdoc IAppAuth
    function proposeComposeHash(bytes32 composeHash) external {
        (uint48 ripe, uint48 expires) = _propose(Kinds.COMPOSE_HASH, composeHash);
        emit ComposeHashProposed(composeHash, ripe, expires, bytes32(0), "");
    }

    /// @inheritdoc IAppAuth
    function proposeComposeHash(bytes32 composeHash, bytes32 sourceDigest, string calldata uri)
        external
    {
        if (bytes(uri).length > MAX_URI_LENGTH) {
            revert UriTooLong(bytes(uri).length, MAX_URI_LENGTH);
        }
        (uint48 ripe, uint48 expires) = _propose(Kinds.COMPOSE_HASH, composeHash);
        emit ComposeHashProposed(composeHash, ripe, expires, sourceDigest, uri);
        // The claim is part of the history too: nobody can say later that another source was named.
        _extend(
            Kinds.PROPOSED | Kinds.SOURCE, keccak256(abi.encode(composeHash, sourceDigest, uri))
        );
    }

    /// @inheritdoc IAppAuth
    function propose(uint8 kind, bytes32 value) external {
        (uint48 ripe, uint48 expires) = _propose(kind, value);
        if (kind == Kinds.COMPOSE_HASH) {
            emit ComposeHashProposed(value, ripe, expires, bytes32(0), "");
        } else {
            emit Proposed(kind, value, ripe, expires);
        }
    }

    /// @inheritdoc IAppAuth
    function activateComposeHash(bytes32 composeHash) external {
        _activate(Kinds.COMPOSE_HASH, composeHash);
    }

    /// @inheritdoc IAppAuth
    function activate(uint8 kind, bytes32 value) external {
        _activate(kind, value);
    }

    /// @inheritdoc IAppAuth
    function cancelComposeHash(bytes32 composeHash) external {
        cancel(Kinds.COMPOSE_HASH, composeHash);
    }

    /// @inheritdoc IAppAuth
    function cancel(uint8 kind, bytes32 value) public {
        uint48 ripe = _ripeTime(kind, value);
        if (ripe == 0) revert NotPending(kind, value);
        bool dead = block.timestamp >= ripe + GRACE_PERIOD || isFrozen(kind);
        if (!dead) _checkOwnerOrGuardian();
        _cancel(kind, value);
    }

    /// @inheritdoc IDstackAppAuthManagement
    function addComposeHash(bytes32 composeHash) external {
        _activateOrExplain(Kinds.COMPOSE_HASH, composeHash);
    }

    /// @inheritdoc IDstackAppAuthManagement
    function addDevice(bytes32 deviceId) external {
        _activateOrExplain(Kinds.DEVICE, deviceId);
    }

    // -------------------------------------------------------------------- narrow

    /// @inheritdoc IDstackAppAuthManagement
    function removeComposeHash(bytes32 composeHash) external {
        remove(Kinds.COMPOSE_HASH, composeHash);
    }

    /// @inheritdoc IDstackAppAuthManagement
    function removeDevice(bytes32 deviceId) external {
        remove(Kinds.DEVICE, deviceId);
    }

    /// @inheritdoc IAppAuth
    function remove(uint8 kind, bytes32 value) public {
        _checkOwnerOrGuardian();
        if (kind == Kinds.COMPOSE_HASH) {
            if (allowedComposeHashes(value)) {
                _composeHashes[value].until = uint48(block.timestamp);
                emit ComposeHashRemoved(value);
                _extend(Kinds.REMOVED | Kinds.COMPOSE_HASH, value);
            }
        } else if (kind == Kinds.DEVICE) {
            if (allowedDeviceIds[value]) {
                delete allowedDeviceIds[value];
                emit DeviceRemoved(value);
                _extend(Kinds.REMOVED | Kinds.DEVICE, value);
            }
        } else if (kind == Kinds.OS_IMAGE) {
            if (allowedOsImages(value)) {
                delete _osImageEpochOf[value];
                emit OsImageRemoved(value);
                _extend(Kinds.REMOVED | Kinds.OS_IMAGE, value);
            }
        } else if (kind == Kinds.ANY_DEVICE) {
            if (value != bytes32(uint256(1))) revert InvalidValue(kind, value);
            if (allowAnyDevice) _setAllowAnyDevice(false);
        } else {
            revert InvalidKind(kind);
        }
        _withdraw(kind, value);
    }

    /// @inheritdoc IAppAuth
    function setAllowAnyDevice(bool allowAny) external {
        if (allowAny) _activateOrExplain(Kinds.ANY_DEVICE, bytes32(uint256(1)));
        else remove(Kinds.ANY_DEVICE, bytes32(uint256(1)));
    }

    /// @inheritdoc IAppAuth
    function setRequireTcbUpToDate(bool requireUpToDate) external {
        if (!requireUpToDate) {
            _activateOrExplain(Kinds.TCB_REQUIREMENT, bytes32(0));
            return;
        }
        _checkOwner();
        if (!requireTcbUpToDate) _setRequireTcbUpToDate(true);
        _withdraw(Kinds.TCB_REQUIREMENT, 0);
    }

    /// @inheritdoc IAppAuth
    function pinOsImages(bytes32[] calldata osImageHashes) external {
        _checkOwner();
        if (osImagesPinned) revert OsImagesAlreadyPinned();
        // An empty list would change nothing, and its sender might take it for "none".
        if (osImageHashes.length == 0) revert InvalidValue(Kinds.OS_IMAGE, 0);
        _pinOsImages(osImageHashes);
    }

    /// @inheritdoc IAppAuth
    function increaseNoticePeriod(uint32 seconds_) external {
        _checkOwner();
        _checkNoticePeriod(seconds_);
        if (seconds_ <= noticePeriod) revert NotAnIncrease(noticePeriod, seconds_);
        _setNoticePeriod(seconds_);
    }

    /// @inheritdoc IAppAuth
    function setGuardian(address guardian_) external {
        _checkOwner();
        if (guardian != address(0)) revert GuardianAlreadySet(guardian);
        if (guardian_ == address(0)) revert InvalidValue(Kinds.GUARDIAN, 0);
        _withdraw(Kinds.GUARDIAN, _word(guardian_));
        _setGuardian(guardian_);
    }

    // ------------------------------------------------------------------ ownership

    /// @inheritdoc IAppAuth
    function transferOwnership(address newOwner) external {
        _checkOwner();
        pendingOwner = newOwner;
        emit OwnershipTransferStarted(owner, newOwner);
        _extend(Kinds.SET | Kinds.PENDING_OWNER, _word(newOwner));
    }

    /// @inheritdoc IAppAuth
    function acceptOwnership() external {
        if (msg.sender != pendingOwner) revert OwnableUnauthorizedAccount(msg.sender);
        _setOwner(msg.sender);
    }

    /// @inheritdoc IAppAuth
    function renounceOwnership() external {
        _checkOwner();
        if (!isFrozen(Kinds.COMPOSE_HASH)) revert ComposeHashesNotFrozen();
        _setOwner(address(0));
    }

    // ---------------------------------------------------------------------- views

    /// @inheritdoc IDstackAppAuth
    function isAppAllowed(AppBootInfo calldata bootInfo)
        external
        view
        returns (bool isAllowed, string memory reason)
    {
        // Read together: one load of their slot.
        bool tcbRequired = requireTcbUpToDate;
        bool anyDevice = allowAnyDevice;
        bool pinned = osImagesPinned;
        if (bootInfo.appId != address(this)) return (false, "App id is not this contract");
        if (tcbRequired && keccak256(bytes(bootInfo.tcbStatus)) != keccak256(bytes(UP_TO_DATE))) {
            return (false, "TCB status is not up to date");
        }
        if (!allowedComposeHashes(bootInfo.composeHash)) {
            return (false, "Compose hash not allowed");
        }
        if (!anyDevice && !allowedDeviceIds[bootInfo.deviceId]) {
            return (false, "Device not allowed");
        }
        if (pinned && _osImageEpochOf[bootInfo.osImageHash] != _osImageEpoch) {
            return (false, "OS image not allowed by the app");
        }
        return (true, "");
    }

    /// @notice ERC-165.
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == 0x01ffc9a7 // ERC-165
            || interfaceId == type(IDstackAppAuth).interfaceId // 0x1e079198
            || interfaceId == type(IDstackAppAuthManagement).interfaceId; // 0x8fd37527
    }

    /// @inheritdoc IAppAuth
    function allowedComposeHashes(bytes32 composeHash) public view returns (bool) {
        ComposeHashState storage state = _composeHashes[composeHash];
        (uint48 since, uint48 until) = (state.since, state.until);
        return since != 0 && until == 0;
    }

    /// @inheritdoc IAppAuth
    function allowedOsImages(bytes32 osImageHash) public view returns (bool) {
        return osImagesPinned && _osImageEpochOf[osImageHash] == _osImageEpoch;
    }

    /// @inheritdoc IAppAuth
    function isFrozen(uint8 kind) public view returns (bool) {
        return kind < 16 && (_frozen >> kind) & 1 == 1;
    }

    /// @inheritdoc IAppAuth
    function getTimelock() external view returns (uint256) {
        return noticePeriod;
    }

    /// @inheritdoc IAppAuth
    function pendingCount() external view returns (uint256) {
        return _pendingCount;
    }

    /// @inheritdoc IAppAuth
    function activatesAt(bytes32 composeHash) external view returns (uint256) {
        uint48 ripe = _composeHashes[composeHash].ripeAt;
        bool dead = block.timestamp >= ripe + GRACE_PERIOD || isFrozen(Kinds.COMPOSE_HASH);
        return dead ? 0 : ripe;
    }

    /// @inheritdoc IAppAuth
    function ripeAt(uint8 kind, bytes32 value) external view returns (uint256) {
        return _ripeTime(kind, value);
    }

    /// @inheritdoc IAppAuth
    function earliest(uint8 kind, bytes32 value) public view returns (uint256) {
        if (!_isValid(kind, value)) return type(uint256).max;
        if (_isInForce(kind, value)) return 0;
        uint256 shorter = _possibleFrom(Kinds.NOTICE_PERIOD, bytes32(uint256(_pendingNotice)));
        uint256 best = _possibleFrom(kind, value);
        if (!isFrozen(kind) && owner != address(0)) {
            best = _min(best, block.timestamp + noticePeriod);
            if (shorter != type(uint256).max) best = _min(best, shorter + _pendingNotice);
        }
        // What another announced widening opens, a narrowing fills at once.
        if (owner == address(0)) return best;
        if (kind == Kinds.NOTICE_PERIOD && uint256(value) >= _pendingNotice) {
            return _min(best, shorter);
        }
        if (kind == Kinds.GUARDIAN) return _min(best, _possibleFrom(Kinds.GUARDIAN, 0));
        if (kind == Kinds.OS_IMAGE) {
            return _min(best, earliest(Kinds.ANY_OS_IMAGE, bytes32(uint256(1))));
        }
        return best;
    }

    /// @inheritdoc IAppAuth
    function allowedAt(bytes32 composeHash, uint256 timestamp) external view returns (bool) {
        ComposeHashState storage state = _composeHashes[composeHash];
        (uint48 since, uint48 until) = (state.since, state.until);
        return timestamp <= block.timestamp && since != 0 && since <= timestamp
            && (until == 0 || timestamp < until);
    }

    /// @inheritdoc IAppAuth
    function version() external pure returns (uint256) {
        return 1;
    }

    /// @inheritdoc IAppAuth
    /// @dev Overridden by the test build only, which therefore has another code hash.
    function minNoticePeriod() public pure virtual returns (uint256) {
        return 2 days;
    }

    // -------------------------------------------------------- proposals, internal

    function _propose(uint8 kind, bytes32 value) private returns (uint48 ripe, uint48 expires) {
        _checkOwner();
        _checkCanWiden(kind, value);
        uint48 before = _ripeTime(kind, value);
        if (before != 0) {
            if (block.timestamp < before + GRACE_PERIOD) {
                revert AlreadyPending(kind, value, before);
            }
            _cancel(kind, value);
        }
        if (kind == Kinds.NOTICE_PERIOD && _pendingNoticeRipeAt != 0) {
            // Another decrease. It gives way only when it is dead.
            bytes32 other = bytes32(uint256(_pendingNotice));
            if (block.timestamp < _pendingNoticeRipeAt + GRACE_PERIOD) {
                revert AlreadyPending(kind, other, _pendingNoticeRipeAt);
            }
            _cancel(kind, other);
        }
        (uint8 pending, uint256 notice) = (_pendingCount, noticePeriod);
        if (pending >= MAX_PENDING) revert TooManyPending(MAX_PENDING);
        unchecked {
            // Times of this contract are far below 2^48, and there are at most 16 proposals.
            _pendingCount = pending + 1;
            ripe = uint48(block.timestamp + notice);
            expires = uint48(ripe + GRACE_PERIOD);
        }
        _setRipeTime(kind, value, ripe);
        _extend(Kinds.PROPOSED | kind, value);
    }

    function _activate(uint8 kind, bytes32 value) private {
        uint48 ripe = _ripeTime(kind, value);
        if (ripe == 0) revert NotPending(kind, value);
        if (block.timestamp < ripe) revert NoticeNotElapsed(kind, value, ripe);
        if (block.timestamp >= ripe + GRACE_PERIOD) {
            revert ProposalExpired(kind, value, uint48(ripe + GRACE_PERIOD));
        }
        // Things may have changed since the announcement: what was a widening then need not be one now.
        _checkCanWiden(kind, value);
        --_pendingCount;
        // Allowing a compose hash writes its whole slot, and so ends its proposal.
        if (kind != Kinds.COMPOSE_HASH) _setRipeTime(kind, value, 0);
        _widen(kind, value);
    }

    function _cancel(uint8 kind, bytes32 value) private {
        _setRipeTime(kind, value, 0);
        --_pendingCount;
        if (kind == Kinds.COMPOSE_HASH) emit ComposeHashCancelled(value, msg.sender);
        else emit Cancelled(kind, value, msg.sender);
        _extend(Kinds.CANCELLED | kind, value);
    }

    /// @dev What a narrowing of the very value does to its proposal. So whatever comes into force with a
    /// proposal pending was activated, and the history alone tells what is pending.
    function _withdraw(uint8 kind, bytes32 value) private {
        if (_ripeTime(kind, value) != 0) _cancel(kind, value);
    }

    /// @dev What the stock setters do with a value that widens.
    function _activateOrExplain(uint8 kind, bytes32 value) private {
        if (_isValid(kind, value) && _isInForce(kind, value)) return;
        uint48 ripe = _ripeTime(kind, value);
        if (ripe == 0 || block.timestamp >= ripe + GRACE_PERIOD) {
            revert NoticeRequired(kind, value, earliest(kind, value));
        }
        _activate(kind, value);
    }

    function _widen(uint8 kind, bytes32 value) private {
        if (kind == Kinds.COMPOSE_HASH) {
            _allowComposeHash(value);
        } else if (kind == Kinds.DEVICE) {
            _allowDevice(value);
        } else if (kind == Kinds.ANY_DEVICE) {
            _setAllowAnyDevice(true);
        } else if (kind == Kinds.TCB_REQUIREMENT) {
            _setRequireTcbUpToDate(false);
        } else if (kind == Kinds.OS_IMAGE) {
            _allowOsImage(value);
        } else if (kind == Kinds.ANY_OS_IMAGE) {
            osImagesPinned = false;
            ++_osImageEpoch;
            emit OsImagesCleared();
            _extend(Kinds.SET | Kinds.ANY_OS_IMAGE, value);
        } else if (kind == Kinds.NOTICE_PERIOD) {
            _setNoticePeriod(uint32(uint256(value)));
        } else if (kind == Kinds.GUARDIAN) {
            _setGuardian(address(uint160(uint256(value))));
        } else {
            _frozen |= uint16(1) << uint8(uint256(value));
            emit Frozen(uint8(uint256(value)));
            _extend(Kinds.SET | Kinds.FREEZE, value);
        }
    }

    /// @dev A value that means something, is not in force, and belongs to a setting that may widen.
    function _checkCanWiden(uint8 kind, bytes32 value) private view {
        if (kind == 0 || kind > Kinds.FREEZE) revert InvalidKind(kind);
        if ((_frozen >> kind) & 1 == 1) revert KindFrozen(kind);
        if (!_isValid(kind, value)) revert InvalidValue(kind, value);
        if (_isInForce(kind, value)) revert AlreadyAllowed(kind, value);
    }

    /// @dev Whether a value of a setting can be proposed at all. One that could only narrow cannot: a
    /// shorter notice must be shorter, an OS image is added only to a list there is, a guardian is
    /// replaced only where there is one.
    function _isValid(uint8 kind, bytes32 value) private view returns (bool) {
        uint256 number = uint256(value);
        if (kind == Kinds.COMPOSE_HASH || kind == Kinds.DEVICE) return value != 0;
        if (kind == Kinds.ANY_DEVICE || kind == Kinds.ANY_OS_IMAGE) return number == 1;
        if (kind == Kinds.TCB_REQUIREMENT) return number == 0;
        if (kind == Kinds.OS_IMAGE) return value != 0 && osImagesPinned;
        if (kind == Kinds.NOTICE_PERIOD) {
            return number >= minNoticePeriod() && number <= noticePeriod;
        }
        if (kind == Kinds.GUARDIAN) return number <= type(uint160).max && guardian != address(0);
        if (kind == Kinds.FREEZE) return number != 0 && number < Kinds.FREEZE;
        return false;
    }

    function _isInForce(uint8 kind, bytes32 value) private view returns (bool) {
        uint256 number = uint256(value);
        if (kind == Kinds.COMPOSE_HASH) return allowedComposeHashes(value);
        if (kind == Kinds.DEVICE) return allowedDeviceIds[value];
        if (kind == Kinds.ANY_DEVICE) return allowAnyDevice;
        if (kind == Kinds.TCB_REQUIREMENT) return !requireTcbUpToDate;
        if (kind == Kinds.OS_IMAGE) return allowedOsImages(value);
        if (kind == Kinds.ANY_OS_IMAGE) return !osImagesPinned;
        if (kind == Kinds.NOTICE_PERIOD) return number == noticePeriod;
        if (kind == Kinds.GUARDIAN) return address(uint160(number)) == guardian;
        return isFrozen(uint8(number));
    }

    function _ripeTime(uint8 kind, bytes32 value) private view returns (uint48) {
        if (kind == Kinds.COMPOSE_HASH) return _composeHashes[value].ripeAt;
        if (kind == Kinds.NOTICE_PERIOD) {
            return uint256(value) == _pendingNotice ? _pendingNoticeRipeAt : 0;
        }
        return _ripeAt[kind][value];
    }

    /// @dev From when a pending proposal may be activated, or may now; never if there is none, or it is
    /// dead.
    function _possibleFrom(uint8 kind, bytes32 value) private view returns (uint256) {
        uint256 ripe = _ripeTime(kind, value);
        bool dead = block.timestamp >= ripe + GRACE_PERIOD || isFrozen(kind);
        return ripe == 0 || dead ? type(uint256).max : _max(block.timestamp, ripe);
    }

    function _setRipeTime(uint8 kind, bytes32 value, uint48 ripe) private {
        if (kind == Kinds.COMPOSE_HASH) {
            _composeHashes[value].ripeAt = ripe;
        } else if (kind == Kinds.NOTICE_PERIOD) {
            _pendingNotice = ripe == 0 ? 0 : uint32(uint256(value));
            _pendingNoticeRipeAt = ripe;
        } else {
            _ripeAt[kind][value] = ripe;
        }
    }

    // ------------------------------------------------------------ state, internal

    function _allowComposeHash(bytes32 composeHash) private {
        _composeHashes[composeHash] =
            ComposeHashState({since: uint48(block.timestamp), until: 0, ripeAt: 0});
        emit ComposeHashAdded(composeHash);
        _extend(Kinds.SET | Kinds.COMPOSE_HASH, composeHash);
    }

    function _allowDevice(bytes32 deviceId) private {
        allowedDeviceIds[deviceId] = true;
        emit DeviceAdded(deviceId);
        _extend(Kinds.SET | Kinds.DEVICE, deviceId);
    }

    function _allowOsImage(bytes32 osImageHash) private {
        _osImageEpochOf[osImageHash] = _osImageEpoch;
        emit OsImageAdded(osImageHash);
        _extend(Kinds.SET | Kinds.OS_IMAGE, osImageHash);
    }

    function _pinOsImages(bytes32[] memory osImageHashes) private {
        for (uint256 i; i < osImageHashes.length; ++i) {
            _checkNotZero(Kinds.OS_IMAGE, osImageHashes[i]);
            osImagesPinned = true;
            _withdraw(Kinds.OS_IMAGE, osImageHashes[i]);
            if (!allowedOsImages(osImageHashes[i])) _allowOsImage(osImageHashes[i]);
        }
    }

    function _setAllowAnyDevice(bool allowAny) private {
        allowAnyDevice = allowAny;
        emit AllowAnyDeviceSet(allowAny);
        _extend(Kinds.SET | Kinds.ANY_DEVICE, bytes32(uint256(allowAny ? 1 : 0)));
    }

    function _setRequireTcbUpToDate(bool requireUpToDate) private {
        requireTcbUpToDate = requireUpToDate;
        emit RequireTcbUpToDateSet(requireUpToDate);
        _extend(Kinds.SET | Kinds.TCB_REQUIREMENT, bytes32(uint256(requireUpToDate ? 1 : 0)));
    }

    function _setNoticePeriod(uint32 seconds_) private {
        noticePeriod = seconds_;
        emit NoticePeriodSet(seconds_);
        _extend(Kinds.SET | Kinds.NOTICE_PERIOD, bytes32(uint256(seconds_)));
    }

    function _setGuardian(address guardian_) private {
        guardian = guardian_;
        emit GuardianSet(guardian_);
        _extend(Kinds.SET | Kinds.GUARDIAN, _word(guardian_));
    }

    function _setOwner(address newOwner) private {
        emit OwnershipTransferred(owner, newOwner);
        owner = newOwner;
        delete pendingOwner;
        _extend(Kinds.SET | Kinds.OWNER, _word(newOwner));
    }

    function _extend(uint8 kind, bytes32 value) private {
        bytes32 root = keccak256(
            abi.encode(historyRoot, kind, value, msg.sender, block.number, block.timestamp)
        );
        historyRoot = root;
        emit HistoryExtended(root, kind, value, msg.sender);
    }

    // --------------------------------------------------------------------- checks

    function _checkOwner() private view {
        if (msg.sender != owner) revert OwnableUnauthorizedAccount(msg.sender);
    }

    function _checkOwnerOrGuardian() private view {
        if (msg.sender != owner && msg.sender != guardian) revert NotOwnerOrGuardian(msg.sender);
    }

    function _checkNoticePeriod(uint256 seconds_) private pure {
        if (seconds_ < minNoticePeriod() || seconds_ > MAX_NOTICE_PERIOD) {
            revert NoticePeriodOutOfRange(seconds_, minNoticePeriod(), MAX_NOTICE_PERIOD);
        }
    }

    function _checkNotZero(uint8 kind, bytes32 value) private pure {
        if (value == 0) revert InvalidValue(kind, value);
    }

    function _word(address account) private pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    function _max(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a : b;
    }
}
