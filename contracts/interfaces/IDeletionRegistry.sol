// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {ISimpleDstackVerifier} from "./ISimpleDstackVerifier.sol";

/// @title IDeletionRegistry
/// @notice Signed statements of dstack apps that they deleted data of a user.
///
/// WHAT A STATEMENT PROVES. Code that held a key of this app (a key the KMS root vouches for, for
/// this app id) asserted the deletion, while the compose hash it names was allowed. It does not
/// prove that no copy exists, nor that code of that very compose hash made the statement: dstack
/// keys depend on the app id only, so every version ever allowed holds them. It is as good as the
/// code of all versions of the app; read that code.
///
/// WHO MAY SIGN. A key is registered once per app with its signature chain, by anybody, since the
/// chain speaks for itself. The app's owner, or its guardian where it has one, may revoke it.
/// Revoking is for ever: the chain is public and would let anybody register the key again. What a
/// revoked key attested before stays, with its block.
///
/// REPLAY. A deletion and a batch each have a nonce that is used once per app, so an id (the EIP-712
/// struct hash) appears at most once. Nonces have no order; consecutive ones share a storage word
/// and are cheaper, and instances that work side by side take disjoint ranges or 32 random bytes. A
/// root statement's id is used once as such. The domain binds chain and registry.
///
/// TIME. `deletedAt` is neither in the future nor older than {MAX_AGE}. The compose hash must have
/// been allowed then: an AppAuth is asked with `allowedAt` (which knows the hash's latest interval
/// only); a stock DstackApp keeps no times and is asked whether the hash is allowed now. The second
/// question is put only to a contract that reverts the first without data, as a missing function
/// does, and the first always gets enough gas for that to mean nothing else. A contract of unknown
/// code can answer as it likes: look at the code of the app before relying on this.
///
/// SIGNATURES. 65 bytes r || s || v with low s and v 27 or 28, as Ethereum libraries make EIP-712
/// signatures. (In a signature chain the last byte is 0 or 1, as the KMS writes it.) Their format
/// errors are those of DstackSignatureChain with the part MessageSignature.
///
/// HISTORY. Every accepted fact extends a root per app:
///
///     root = keccak256(abi.encode(root, kind, value, actor, block.number, block.timestamp))
///
/// starting from keccak256(abi.encode(HISTORY_DOMAIN, chain id, registry, app)). One storage proof
/// authenticates everything the registry ever accepted for the app. {HistoryExtended} follows the
/// event of the fact, and those of a batch's entries. Each of these events carries all that was
/// signed: its id can be computed from the log, and whoever drops or changes one is found out.
///
/// The registry has no owner and no upgrade.
interface IDeletionRegistry {
    /*//////////////////////////////////////////////////////////////////////////
                                      TYPES
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice What a key may do for an app.
    enum SignerStatus {
        /// Never registered or revoked.
        Unknown,
        /// Its attestations are accepted.
        Registered,
        /// Never again.
        Revoked
    }

    /// @notice One deletion.
    /// @param app The app's contract, whose address is the app id.
    /// @param composeHash Compose hash the app ran, SHA-256 of the bytes of app-compose.json.
    /// @param userIdHash Salted commitment to the user, see {userCommitment}. Never a bare hash of a
    /// name: those can be guessed.
    /// @param dataHash Commitment to what was deleted; its format is the app's. Guessable content
    /// needs a salt as well.
    /// @param deletedAt Unix time of the deletion, in seconds.
    /// @param nonce Any number not used by the app in a deletion or batch before.
    struct Deletion {
        address app;
        bytes32 composeHash;
        bytes32 userIdHash;
        bytes32 dataHash;
        uint64 deletedAt;
        bytes32 nonce;
    }

    /// @notice Many deletions of one app, all of them done by one time, under one signature.
    /// @param app The app's contract, whose address is the app id.
    /// @param composeHash Compose hash the app ran, SHA-256 of the bytes of app-compose.json.
    /// @param userIdHashes Salted commitments to the users, see {userCommitment}; one entry for
    /// each deletion.
    /// @param dataHashes Commitments to what was deleted, in the same order.
    /// @param deletedAt Unix time in seconds at which all of them were done.
    /// @param nonce Any number not used by the app in a deletion or batch before.
    struct DeletionBatch {
        address app;
        bytes32 composeHash;
        bytes32[] userIdHashes;
        bytes32[] dataHashes;
        uint64 deletedAt;
        bytes32 nonce;
    }

    /// @notice Many deletions as the root of a tree (shape: DeletionTree).
    /// @param app The app's contract, whose address is the app id.
    /// @param composeHash Compose hash the app ran, SHA-256 of the bytes of app-compose.json.
    /// @param root Root of the tree.
    /// @param count Number of leaves, at least 1.
    /// @param deletedAt Unix time in seconds at which all of them were done.
    /// @param nonce Makes equal statements differ.
    struct DeletionRoot {
        address app;
        bytes32 composeHash;
        bytes32 root;
        uint64 count;
        uint64 deletedAt;
        bytes32 nonce;
    }

    /*//////////////////////////////////////////////////////////////////////////
                                      EVENTS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice A key may attest for an app from now on. Carries the whole chain, so that it can be
    /// checked again from logs alone.
    event SignerRegistered(
        address indexed app,
        address indexed signer,
        bytes appKey,
        bytes derivedKey,
        bytes appSignature,
        bytes kmsSignature
    );

    /// @notice A key may never attest for the app again. `by` is the owner or the guardian.
    event SignerRevoked(address indexed app, address indexed signer, address indexed by);

    /// @notice One deletion was attested. `id` is its EIP-712 struct hash.
    event DeletionAttested(
        bytes32 indexed id,
        address indexed app,
        bytes32 indexed userIdHash,
        bytes32 composeHash,
        bytes32 dataHash,
        uint64 deletedAt,
        bytes32 nonce,
        address signer
    );

    /// @notice A batch of deletions was attested. `id` is its EIP-712 struct hash. Its `count` entries
    /// are the very next events of the registry, each a {DeletionBatchEntry}, in the batch's order.
    event DeletionBatchAttested(
        bytes32 indexed id,
        address indexed app,
        bytes32 composeHash,
        uint256 count,
        uint64 deletedAt,
        bytes32 nonce,
        address signer
    );

    /// @notice One deletion of the batch whose {DeletionBatchAttested} stands before it. It names no
    /// app: a commitment to a user is one to an app as well, and an entry of a thousand is paid for a
    /// thousand times.
    event DeletionBatchEntry(bytes32 indexed userIdHash, bytes32 dataHash);

    /// @notice A root over many deletions was attested. `id` is its EIP-712 struct hash.
    event DeletionRootAttested(
        bytes32 indexed id,
        address indexed app,
        bytes32 indexed root,
        bytes32 composeHash,
        uint64 count,
        uint64 deletedAt,
        bytes32 nonce,
        address signer
    );

    /// @notice The app's history grew by one fact.
    /// @param app The app.
    /// @param root The history root after it.
    /// @param kind One of the KIND constants.
    /// @param value The key's address (kinds 1 and 2), or the struct hash of what was signed: of
    /// the deletion (3), of the batch (4), of the root statement (5).
    /// @param actor The caller (kinds 1 and 2), or the key that signed (3, 4 and 5).
    event HistoryExtended(
        address indexed app, bytes32 indexed root, uint8 kind, bytes32 value, address actor
    );

    /*//////////////////////////////////////////////////////////////////////////
                                      ERRORS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice The key is registered for the app already.
    error SignerAlreadyRegistered(address app, address signer);

    /// @notice The key was revoked for the app.
    error SignerIsRevoked(address app, address signer);

    /// @notice The signer is not registered for the app; or the statement signed was another one.
    error SignerNotRegistered(address app, address signer);

    /// @notice Only the app's owner and its guardian may revoke a key.
    error NotOwnerOrGuardian(address app, address caller);

    /// @notice The deletion lies in the future of block time `blockTime` (Unix seconds).
    error DeletedInFuture(uint64 deletedAt, uint256 blockTime);

    /// @notice The deletion is older than {MAX_AGE}: before `oldest` (Unix seconds).
    error DeletedTooLongAgo(uint64 deletedAt, uint256 oldest);

    /// @notice The app does not say that the compose hash was allowed at that time.
    error ComposeHashNotAllowed(address app, bytes32 composeHash, uint64 deletedAt);

    /// @notice The app used the nonce before, in a deletion or in a batch.
    error NonceAlreadyUsed(address app, bytes32 nonce);

    /// @notice The root statement was attested before.
    error RootAlreadyAttested(bytes32 id);

    /// @notice A batch or a tree without deletions states nothing.
    error NoDeletions();

    /// @notice A batch needs as many commitments to users as commitments to data.
    error UnequalLengths(uint256 userIdHashes, uint256 dataHashes);

    /// @notice There is too little gas to ask the app's contract in a way that can be trusted.
    error NotEnoughGas();

    /// @notice A salt of zero is a salt that was forgotten.
    error ZeroSalt();

    /*//////////////////////////////////////////////////////////////////////////
                                     SIGNERS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice Registers the key of a signature chain for an app. Anybody may call.
    /// @dev Reverts with the verifier's errors, {SignerAlreadyRegistered} or {SignerIsRevoked}.
    /// @param app The app; its address is the app id in the chain.
    /// @param appKey The app's public key, 33 bytes, SEC 1 compressed.
    /// @param derivedKey The key to register, 33 bytes, SEC 1 compressed, signed by the app key for
    /// the purpose {SIGNER_PURPOSE}.
    /// @param appSignature 65 bytes r || s || recovery id (0 or 1), app key over derived key.
    /// @param kmsSignature 65 bytes r || s || recovery id (0 or 1), KMS root over app key.
    /// @return signer Address of the derived key.
    function registerSigner(
        address app,
        bytes calldata appKey,
        bytes calldata derivedKey,
        bytes calldata appSignature,
        bytes calldata kmsSignature
    ) external returns (address signer);

    /// @notice Revokes a key for an app, for ever. Also one that was not registered yet: a key known
    /// to be stolen need not be waited for.
    /// @dev The app's owner and guardian only; {SignerIsRevoked} if it was revoked before.
    function revokeSigner(address app, address signer) external;

    /// @notice What a key may do for an app.
    function signerStatus(address app, address signer) external view returns (SignerStatus);

    /// @notice The registered key of the app that signed a digest; for other contracts that want a
    /// cheap answer to "did this app sign this". Reverts if there is none.
    /// @param app The app.
    /// @param digest The 32 bytes that were signed. Freshness and uniqueness are the caller's.
    /// @param signature 65 bytes r || s || v, v being 27 or 28.
    function signerOf(address app, bytes32 digest, bytes calldata signature)
        external
        view
        returns (address);

    /*//////////////////////////////////////////////////////////////////////////
                                   ATTESTATIONS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice Records one deletion. Anybody may bring it; the signature speaks.
    /// @param deletion The deletion.
    /// @param signature EIP-712 signature over it by a registered key of its app.
    /// @return id Its EIP-712 struct hash.
    function attest(Deletion calldata deletion, bytes calldata signature)
        external
        returns (bytes32 id);

    /// @notice Records many deletions of one app under one signature. Anybody may bring them.
    /// @param batch The deletions.
    /// @param signature EIP-712 signature over it by a registered key of its app.
    /// @return id Its EIP-712 struct hash.
    function attestBatch(DeletionBatch calldata batch, bytes calldata signature)
        external
        returns (bytes32 id);

    /// @notice Records the root of a tree of deletions.
    /// @param statement The root with its count and time.
    /// @param signature EIP-712 signature over it by a registered key of its app.
    /// @return id Its EIP-712 struct hash.
    function attestRoot(DeletionRoot calldata statement, bytes calldata signature)
        external
        returns (bytes32 id);

    /// @notice Whether the deletion is a leaf of an attested root.
    /// @param statement The statement as it was attested.
    /// @param index Place of the leaf, from 0.
    /// @param userIdHash Salted commitment to the user.
    /// @param dataHash Commitment to what was deleted.
    /// @param proof Siblings from the leaf up.
    function isIncluded(
        DeletionRoot calldata statement,
        uint64 index,
        bytes32 userIdHash,
        bytes32 dataHash,
        bytes32[] calldata proof
    ) external view returns (bool);

    /// @notice Whether the app used the nonce, in a deletion or in a batch.
    function isNonceUsed(address app, bytes32 nonce) external view returns (bool);

    /// @notice Whether the root statement with this id was attested.
    function isRootAttested(bytes32 id) external view returns (bool);

    /*//////////////////////////////////////////////////////////////////////////
                                     HASHES
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice EIP-712 struct hash of a deletion: its id.
    function hashDeletion(Deletion calldata deletion) external pure returns (bytes32);

    /// @notice EIP-712 struct hash of a batch: its id.
    function hashBatch(DeletionBatch calldata batch) external pure returns (bytes32);

    /// @notice EIP-712 struct hash of a root statement: its id.
    function hashRoot(DeletionRoot calldata statement) external pure returns (bytes32);

    /// @notice The digest to sign for a struct hash: keccak256(0x1901 || domain || struct hash).
    function digestOf(bytes32 structHash) external view returns (bytes32);

    /// @notice Leaf of the tree: keccak256(abi.encode(LEAF_DOMAIN, index, userIdHash, dataHash))
    /// with LEAF_DOMAIN = keccak256("devproof deletion leaf v1").
    function hashLeaf(uint64 index, bytes32 userIdHash, bytes32 dataHash)
        external
        pure
        returns (bytes32);

    /// @notice Node of the tree: keccak256(abi.encode(NODE_DOMAIN, left, right)) with
    /// NODE_DOMAIN = keccak256("devproof deletion node v1").
    function hashNode(bytes32 left, bytes32 right) external pure returns (bytes32);

    /// @notice The commitment to put into `userIdHash`:
    ///
    ///     keccak256(abi.encode(USER_COMMITMENT_DOMAIN, app, salt, keccak256(bytes(userId))))
    ///
    /// The salt is 32 random bytes per user and app, kept by the app and handed to the user, who
    /// can then show the commitment to be theirs; without it nobody can find users by guessing
    /// names. Fewer than 16 random bytes can be searched. WARNING: compute it at home. Whoever runs
    /// the node that answers this call sees salt and name.
    ///
    /// Test vector: app 0x00000000000000000000000000000000DeaDBeef, salt 0x01 repeated 32 times,
    /// user id "alice" give
    /// 0xd613492ea827969f863a0aa45917a4b89ddf13e2830fa9933dbb77ec3b364932.
    /// @param app The app.
    /// @param salt 32 bytes, not zero.
    /// @param userId What the app calls the user, UTF-8.
    function userCommitment(address app, bytes32 salt, string calldata userId)
        external
        pure
        returns (bytes32);

    /*//////////////////////////////////////////////////////////////////////////
                                    CONSTANTS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice The verifier whose KMS root every signer's chain leads to.
    function verifier() external view returns (ISimpleDstackVerifier);

    /// @notice Root of everything accepted for the app; for an app without history, its seed.
    function historyRoot(address app) external view returns (bytes32);

    /// @notice Purpose in a signer's chain: what the app passes to the guest agent's GetKey. Take a
    /// path of its own for it as well; the path alone decides the key.
    function SIGNER_PURPOSE() external view returns (string memory);

    /// @notice Longest time between a deletion and its attestation, in seconds: a week, so that a
    /// reporter that posts daily survives a long weekend. Longer would let a key that leaked from
    /// an old version speak further back.
    function MAX_AGE() external view returns (uint64);

    /// @notice First word of a user commitment.
    function USER_COMMITMENT_DOMAIN() external view returns (bytes32);

    /// @notice First word of the seed of every history root.
    function HISTORY_DOMAIN() external view returns (bytes32);

    /// @notice History kind of {SignerRegistered}.
    function KIND_SIGNER_REGISTERED() external view returns (uint8);

    /// @notice History kind of {SignerRevoked}.
    function KIND_SIGNER_REVOKED() external view returns (uint8);

    /// @notice History kind of one {DeletionAttested}.
    function KIND_DELETION() external view returns (uint8);

    /// @notice History kind of {DeletionBatchAttested}.
    function KIND_BATCH() external view returns (uint8);

    /// @notice History kind of {DeletionRootAttested}.
    function KIND_ROOT() external view returns (uint8);

    /// @notice EIP-712 domain separator.
    function domainSeparator() external view returns (bytes32);

    /// @notice The EIP-712 domain, as ERC-5267 describes it.
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
        );
}
