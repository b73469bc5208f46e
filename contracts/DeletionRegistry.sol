// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IAppPolicy} from "./interfaces/IAppPolicy.sol";
import {IDeletionRegistry} from "./interfaces/IDeletionRegistry.sol";
import {ISimpleDstackVerifier} from "./interfaces/ISimpleDstackVerifier.sol";
import {DeletionTree} from "./libraries/DeletionTree.sol";
import {DstackSignatureChain} from "./libraries/DstackSignatureChain.sol";

/// @title DeletionRegistry
/// @notice Signed statements of dstack apps that they deleted data. The specification is the header
/// of {IDeletionRegistry}.
contract DeletionRegistry is IDeletionRegistry {
    /*//////////////////////////////////////////////////////////////////////////
                                    CONSTANTS
    //////////////////////////////////////////////////////////////////////////*/

    /// @inheritdoc IDeletionRegistry
    string public constant SIGNER_PURPOSE = "devproof-deletion-v1";

    /// @inheritdoc IDeletionRegistry
    uint64 public constant MAX_AGE = 7 days;

    /// @inheritdoc IDeletionRegistry
    bytes32 public constant USER_COMMITMENT_DOMAIN = keccak256("devproof user commitment v1");

    /// @inheritdoc IDeletionRegistry
    bytes32 public constant HISTORY_DOMAIN = keccak256("devproof deletion history v1");

    /// @inheritdoc IDeletionRegistry
    uint8 public constant KIND_SIGNER_REGISTERED = 1;

    /// @inheritdoc IDeletionRegistry
    uint8 public constant KIND_SIGNER_REVOKED = 2;

    /// @inheritdoc IDeletionRegistry
    uint8 public constant KIND_DELETION = 3;

    /// @inheritdoc IDeletionRegistry
    uint8 public constant KIND_BATCH = 4;

    /// @inheritdoc IDeletionRegistry
    uint8 public constant KIND_ROOT = 5;

    string private constant _NAME = "devproof DeletionRegistry";
    string private constant _VERSION = "1";

    bytes32 private constant _DOMAIN_TYPE = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    bytes32 private constant _DELETION_TYPE = keccak256(
        "Deletion(address app,bytes32 composeHash,bytes32 userIdHash,bytes32 dataHash,uint64 deletedAt,bytes32 nonce)"
    );
    bytes32 private constant _BATCH_TYPE = keccak256(
        "DeletionBatch(address app,bytes32 composeHash,bytes32[] userIdHashes,bytes32[] dataHashes,uint64 deletedAt,bytes32 nonce)"
    );
    bytes32 private constant _ROOT_TYPE = keccak256(
        "DeletionRoot(address app,bytes32 composeHash,bytes32 root,uint64 count,uint64 deletedAt,bytes32 nonce)"
    );

    /// @dev Gas for one question to an app's contract. An AppAuth needs under 10,000, and a proxied
    /// stock app less; the bound keeps "no answer" from meaning "no gas".
    uint256 private constant _POLICY_GAS = 100_000;

    /*//////////////////////////////////////////////////////////////////////////
                                     STORAGE
    //////////////////////////////////////////////////////////////////////////*/

    /// @dev Slot 0. Tools read it by storage proof: the layout is part of the interface.
    mapping(address app => bytes32 root) private _historyRoots;

    /// @dev Slot 1.
    mapping(address app => mapping(address signer => SignerStatus)) private _signers;

    /// @dev Slot 2. Bit n % 256 of word n / 256 is set once nonce n is used.
    mapping(address app => mapping(uint256 word => uint256 bits)) private _nonces;

    /// @dev Slot 3.
    mapping(bytes32 id => bool) private _roots;

    /// @inheritdoc IDeletionRegistry
    ISimpleDstackVerifier public immutable verifier;

    uint256 private immutable _CHAIN_ID;
    bytes32 private immutable _DOMAIN_SEPARATOR;

    /// @param verifier_ The verifier with the KMS root whose apps may attest here. Must answer
    /// `kmsRoot` with something else than zero.
    constructor(ISimpleDstackVerifier verifier_) {
        if (verifier_.kmsRoot() == address(0)) revert ISimpleDstackVerifier.ZeroKmsRoot();
        verifier = verifier_;
        _CHAIN_ID = block.chainid;
        _DOMAIN_SEPARATOR = _buildDomainSeparator();
    }

    /*//////////////////////////////////////////////////////////////////////////
                                     SIGNERS
    //////////////////////////////////////////////////////////////////////////*/

    /// @inheritdoc IDeletionRegistry
    function registerSigner(
        address app,
        bytes calldata appKey,
        bytes calldata derivedKey,
        bytes calldata appSignature,
        bytes calldata kmsSignature
    ) external returns (address signer) {
        signer = verifier.verify(
            ISimpleDstackVerifier.Chain({
                appId: bytes20(app),
                purpose: SIGNER_PURPOSE,
                appKey: appKey,
                derivedKey: derivedKey,
                appSignature: appSignature,
                kmsSignature: kmsSignature
            })
        );
        SignerStatus status = _signers[app][signer];
        if (status == SignerStatus.Registered) revert SignerAlreadyRegistered(app, signer);
        if (status == SignerStatus.Revoked) revert SignerIsRevoked(app, signer);
        _signers[app][signer] = SignerStatus.Registered;
        emit SignerRegistered(app, signer, appKey, derivedKey, appSignature, kmsSignature);
        _extend(app, KIND_SIGNER_REGISTERED, bytes32(uint256(uint160(signer))), msg.sender);
    }

    /// @inheritdoc IDeletionRegistry
    function revokeSigner(address app, address signer) external {
        bool entitled = _isCaller(app, abi.encodeCall(IAppPolicy.owner, ()))
            || _isCaller(app, abi.encodeCall(IAppPolicy.guardian, ()));
        if (!entitled) revert NotOwnerOrGuardian(app, msg.sender);
        if (_signers[app][signer] == SignerStatus.Revoked) revert SignerIsRevoked(app, signer);
        _signers[app][signer] = SignerStatus.Revoked;
        emit SignerRevoked(app, signer, msg.sender);
        _extend(app, KIND_SIGNER_REVOKED, bytes32(uint256(uint160(signer))), msg.sender);
    }

    /// @inheritdoc IDeletionRegistry
    function signerStatus(address app, address signer) external view returns (SignerStatus) {
        return _signers[app][signer];
    }

    /// @inheritdoc IDeletionRegistry
    function signerOf(address app, bytes32 digest, bytes calldata signature)
        public
        view
        returns (address signer)
    {
        signer = DstackSignatureChain.recoverMessageSigner(digest, signature);
        SignerStatus status = _signers[app][signer];
        if (status == SignerStatus.Registered) return signer;
        if (status == SignerStatus.Revoked) revert SignerIsRevoked(app, signer);
        revert SignerNotRegistered(app, signer);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                   ATTESTATIONS
    //////////////////////////////////////////////////////////////////////////*/

    /// @inheritdoc IDeletionRegistry
    function attest(Deletion calldata deletion, bytes calldata signature)
        external
        returns (bytes32 id)
    {
        id = hashDeletion(deletion);
        address app = deletion.app;
        address signer = signerOf(app, digestOf(id), signature);
        _requireTime(deletion.deletedAt);
        _requireAllowed(app, deletion.composeHash, deletion.deletedAt);
        _useNonce(app, deletion.nonce);
        emit DeletionAttested(
            id,
            app,
            deletion.userIdHash,
            deletion.composeHash,
            deletion.dataHash,
            deletion.deletedAt,
            deletion.nonce,
            signer
        );
        _extend(app, KIND_DELETION, id, signer);
    }

    /// @inheritdoc IDeletionRegistry
    function attestBatch(DeletionBatch calldata batch, bytes calldata signature)
        external
        returns (bytes32 id)
    {
        bytes32[] calldata users = batch.userIdHashes;
        bytes32[] calldata data = batch.dataHashes;
        if (users.length != data.length) revert UnequalLengths(users.length, data.length);
        if (users.length == 0) revert NoDeletions();
        id = hashBatch(batch);
        address app = batch.app;
        address signer = signerOf(app, digestOf(id), signature);
        _requireTime(batch.deletedAt);
        _requireAllowed(app, batch.composeHash, batch.deletedAt);
        _useNonce(app, batch.nonce);
        emit DeletionBatchAttested(
            id, app, batch.composeHash, users.length, batch.deletedAt, batch.nonce, signer
        );
        for (uint256 i = 0; i < users.length; ++i) {
            emit DeletionBatchEntry(users[i], data[i]);
        }
        _extend(app, KIND_BATCH, id, signer);
    }

    /// @inheritdoc IDeletionRegistry
    function attestRoot(DeletionRoot calldata statement, bytes calldata signature)
        external
        returns (bytes32 id)
    {
        if (statement.count == 0) revert NoDeletions();
        id = hashRoot(statement);
        address app = statement.app;
        address signer = signerOf(app, digestOf(id), signature);
        _requireTime(statement.deletedAt);
        _requireAllowed(app, statement.composeHash, statement.deletedAt);

        if (_roots[id]) revert RootAlreadyAttested(id);
        _roots[id] = true;
        emit DeletionRootAttested(
            id,
            app,
            statement.root,
            statement.composeHash,
            statement.count,
            statement.deletedAt,
            statement.nonce,
            signer
        );
        _extend(app, KIND_ROOT, id, signer);
    }

    /// @inheritdoc IDeletionRegistry
    function isIncluded(
        DeletionRoot calldata statement,
        uint64 index,
        bytes32 userIdHash,
        bytes32 dataHash,
        bytes32[] calldata proof
    ) external view returns (bool) {
        if (!_roots[hashRoot(statement)]) return false;
        bytes32 leaf = DeletionTree.leaf(index, userIdHash, dataHash);
        return DeletionTree.includes(statement.root, statement.count, index, leaf, proof);
    }

    /// @inheritdoc IDeletionRegistry
    function isNonceUsed(address app, bytes32 nonce) external view returns (bool) {
        (uint256 word, uint256 bit) = _placeOf(nonce);
        return _nonces[app][word] & bit != 0;
    }

    /// @inheritdoc IDeletionRegistry
    function isRootAttested(bytes32 id) external view returns (bool) {
        return _roots[id];
    }

    /*//////////////////////////////////////////////////////////////////////////
                                      HASHES
    //////////////////////////////////////////////////////////////////////////*/

    /// @inheritdoc IDeletionRegistry
    function hashDeletion(Deletion calldata deletion) public pure returns (bytes32) {
        return keccak256(abi.encode(_DELETION_TYPE, deletion));
    }

    /// @inheritdoc IDeletionRegistry
    function hashBatch(DeletionBatch calldata batch) public pure returns (bytes32) {
        return keccak256(
            abi.encode(
                _BATCH_TYPE,
                batch.app,
                batch.composeHash,
                // An EIP-712 array is encoded as the hash of its members side by side.
                keccak256(abi.encodePacked(batch.userIdHashes)),
                keccak256(abi.encodePacked(batch.dataHashes)),
                batch.deletedAt,
                batch.nonce
            )
        );
    }

    /// @inheritdoc IDeletionRegistry
    function hashRoot(DeletionRoot calldata statement) public pure returns (bytes32) {
        return keccak256(abi.encode(_ROOT_TYPE, statement));
    }

    /// @inheritdoc IDeletionRegistry
    function digestOf(bytes32 structHash) public view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domainSeparator(), structHash));
    }

    /// @inheritdoc IDeletionRegistry
    function hashLeaf(uint64 index, bytes32 userIdHash, bytes32 dataHash)
        external
        pure
        returns (bytes32)
    {
        return DeletionTree.leaf(index, userIdHash, dataHash);
    }

    /// @inheritdoc IDeletionRegistry
    function hashNode(bytes32 left, bytes32 right) external pure returns (bytes32) {
        return DeletionTree.node(left, right);
    }

    /// @inheritdoc IDeletionRegistry
    function userCommitment(address app, bytes32 salt, string calldata userId)
        external
        pure
        returns (bytes32)
    {
        if (salt == 0) revert ZeroSalt();
        return keccak256(abi.encode(USER_COMMITMENT_DOMAIN, app, salt, keccak256(bytes(userId))));
    }

    /// @inheritdoc IDeletionRegistry
    function historyRoot(address app) public view returns (bytes32 root) {
        root = _historyRoots[app];
        // Zero is no hash: it only means that nothing was recorded yet.
        if (root == 0) {
            root = keccak256(abi.encode(HISTORY_DOMAIN, block.chainid, address(this), app));
        }
    }

    /// @inheritdoc IDeletionRegistry
    function domainSeparator() public view returns (bytes32) {
        // After a fork with a new chain id, what was signed for the old one must not pass.
        return block.chainid == _CHAIN_ID ? _DOMAIN_SEPARATOR : _buildDomainSeparator();
    }

    /// @inheritdoc IDeletionRegistry
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        // 0x0f: name, version, chain id and contract are in use; salt and extensions are not.
        return (0x0f, _NAME, _VERSION, block.chainid, address(this), bytes32(0), new uint256[](0));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                     PRIVATE
    //////////////////////////////////////////////////////////////////////////*/

    function _buildDomainSeparator() private view returns (bytes32) {
        return keccak256(
            abi.encode(
                _DOMAIN_TYPE,
                keccak256(bytes(_NAME)),
                keccak256(bytes(_VERSION)),
                block.chainid,
                address(this)
            )
        );
    }

    function _useNonce(address app, bytes32 nonce) private {
        (uint256 word, uint256 bit) = _placeOf(nonce);
        uint256 bits = _nonces[app][word];
        if (bits & bit != 0) revert NonceAlreadyUsed(app, nonce);
        _nonces[app][word] = bits | bit;
    }

    function _placeOf(bytes32 nonce) private pure returns (uint256 word, uint256 bit) {
        // forge-lint: disable-next-line(incorrect-shift) a one moved to place n % 256 is meant.
        return (uint256(nonce) >> 8, 1 << (uint256(nonce) & 0xff));
    }

    function _extend(address app, uint8 kind, bytes32 value, address actor) private {
        bytes32 root = keccak256(
            abi.encode(historyRoot(app), kind, value, actor, block.number, block.timestamp)
        );
        _historyRoots[app] = root;
        emit HistoryExtended(app, root, kind, value, actor);
    }

    function _requireTime(uint64 deletedAt) private view {
        if (deletedAt > block.timestamp) revert DeletedInFuture(deletedAt, block.timestamp);
        // Written as a sum: a local chain may start at time 0.
        if (uint256(deletedAt) + MAX_AGE < block.timestamp) {
            revert DeletedTooLongAgo(deletedAt, block.timestamp - MAX_AGE);
        }
    }

    function _requireAllowed(address app, bytes32 composeHash, uint64 time) private view {
        (bool done, bytes memory answer) =
            _ask(app, abi.encodeCall(IAppPolicy.allowedAt, (composeHash, time)));
        // A revert without data is what a contract without the function does; an AppAuth never
        // reverts here, and _ask leaves it gas enough. Whatever else comes is taken as the answer.
        if (!done && answer.length == 0) {
            (done, answer) =
                _ask(app, abi.encodeCall(IAppPolicy.allowedComposeHashes, (composeHash)));
        }
        // Exactly one word that is exactly 1: no code, a fallback or garbage is a no.
        if (!done || answer.length != 32 || abi.decode(answer, (uint256)) != 1) {
            revert ComposeHashNotAllowed(app, composeHash, time);
        }
    }

    /// @dev Whether the app answers the question with the caller's address. The caller is never
    /// zero, so an app without a guardian lets nobody in.
    function _isCaller(address app, bytes memory question) private view returns (bool) {
        (bool done, bytes memory answer) = _ask(app, question);
        return done && answer.length == 32
            && abi.decode(answer, (uint256)) == uint256(uint160(msg.sender));
    }

    function _ask(address app, bytes memory question)
        private
        view
        returns (bool done, bytes memory answer)
    {
        // A call gets at most 63/64 of what is left (EIP-150), silently: ask for it up front, with
        // room for the call itself.
        if (gasleft() < _POLICY_GAS * 64 / 63 + 5000) revert NotEnoughGas();
        return app.staticcall{gas: _POLICY_GAS}(question);
    }
}
