// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {DeletionRegistry} from "../../DeletionRegistry.sol";
import {IDeletionRegistry} from "../../interfaces/IDeletionRegistry.sol";
import {ISimpleDstackVerifier} from "../../interfaces/ISimpleDstackVerifier.sol";
import {svm, vm} from "./helpers/Svm.sol";

/// @notice An app and a verifier whose answers may be anything, but stay what they are.
contract Oracle {
    address public kmsRoot = address(1);
    mapping(bytes32 question => uint256) private _answers;

    /// Of the chain only what it is about: the signatures may say anything.
    function verify(ISimpleDstackVerifier.Chain calldata chain) external view returns (address) {
        return signerFor(chain.appId, chain.purpose);
    }

    function signerFor(bytes20 appId, string calldata purpose) public view returns (address) {
        return address(uint160(_answers[keccak256(abi.encode(appId, keccak256(bytes(purpose))))]));
    }

    function allowedAt(bytes32 composeHash, uint256 time) external view returns (uint256) {
        return _answers[keccak256(abi.encode(composeHash, time))];
    }

    function owner() external view returns (uint256) {
        return _answers["owner"];
    }

    function guardian() external view returns (uint256) {
        return _answers["guardian"];
    }
}

/// @notice The registry in ANY state, as {AppAuthProof} explains, with an app and a verifier that
/// answer anything.
contract DeletionRegistryProof {
    DeletionRegistry private registry;
    Oracle private app;
    Oracle private verifier;

    function setUp() public {
        app = new Oracle();
        verifier = new Oracle();
        registry = new DeletionRegistry(ISimpleDstackVerifier(address(verifier)));
        svm.enableSymbolicStorage(address(app));
        svm.enableSymbolicStorage(address(verifier));
        svm.enableSymbolicStorage(address(registry));
        vm.warp(svm.createUint(64, "time"));
        vm.roll(svm.createUint(64, "block"));
    }

    function anyCall() private {
        bytes memory data = svm.createCalldata("DeletionRegistry");
        vm.prank(svm.createAddress("caller"));
        (bool success,) = address(registry).call(data);
        vm.assume(success);
    }

    function anyDeletion() private returns (IDeletionRegistry.Deletion memory deletion) {
        deletion.app = address(app);
        deletion.composeHash = svm.createBytes32("composeHash");
        deletion.userIdHash = svm.createBytes32("userIdHash");
        deletion.dataHash = svm.createBytes32("dataHash");
        deletion.deletedAt = uint64(svm.createUint(64, "deletedAt"));
        deletion.nonce = svm.createBytes32("nonce");
    }

    /*//////////////////////////////////////////////////////////////////////////
                                   AT MOST ONCE
    //////////////////////////////////////////////////////////////////////////*/

    /// Whatever anybody calls, a nonce that was used stays so ...
    function check_usedNonceStaysUsed(address anyApp, bytes32 nonce) public {
        vm.assume(registry.isNonceUsed(anyApp, nonce));
        anyCall();
        assert(registry.isNonceUsed(anyApp, nonce));
    }

    /// ... and an attestation uses one that was not, and touches no other.
    function check_attestUsesItsNonce(bytes32 other) public {
        IDeletionRegistry.Deletion memory deletion = anyDeletion();
        vm.assume(other != deletion.nonce);
        bool before = registry.isNonceUsed(address(app), deletion.nonce);
        bool otherBefore = registry.isNonceUsed(address(app), other);
        registry.attest(deletion, svm.createBytes(65, "signature"));
        assert(!before);
        assert(registry.isNonceUsed(address(app), deletion.nonce));
        assert(registry.isNonceUsed(address(app), other) == otherBefore);
    }

    /// In one piece: a second attestation with the same nonce never succeeds, whatever else it says.
    function check_nonceOnlyOnce() public {
        IDeletionRegistry.Deletion memory first = anyDeletion();
        IDeletionRegistry.Deletion memory second = anyDeletion();
        vm.assume(first.nonce == second.nonce);
        registry.attest(first, svm.createBytes(65, "signature1"));
        vm.warp(svm.createUint(64, "later"));
        (bool success,) = address(registry)
            .call(abi.encodeCall(registry.attest, (second, svm.createBytes(65, "signature2"))));
        assert(!success);
    }

    function check_rootOnlyOnce(IDeletionRegistry.DeletionRoot memory statement) public {
        statement.app = address(app);
        bytes32 id = registry.attestRoot(statement, svm.createBytes(65, "signature1"));
        assert(registry.isRootAttested(id));
        assert(id == registry.hashRoot(statement));
        (bool success,) = address(registry)
            .call(
                abi.encodeCall(registry.attestRoot, (statement, svm.createBytes(65, "signature2")))
            );
        assert(!success);
    }

    function check_attestedRootStaysAttested(bytes32 id) public {
        vm.assume(registry.isRootAttested(id));
        anyCall();
        assert(registry.isRootAttested(id));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                     WHO, WHEN
    //////////////////////////////////////////////////////////////////////////*/

    /// Revoked is for ever; and registered becomes only who the verifier named for this very app.
    function check_signerStatus(address anyApp, address signer) public {
        IDeletionRegistry.SignerStatus before = registry.signerStatus(anyApp, signer);
        anyCall();
        IDeletionRegistry.SignerStatus now_ = registry.signerStatus(anyApp, signer);
        assert(before != IDeletionRegistry.SignerStatus.Revoked || now_ == before);
        if (now_ != IDeletionRegistry.SignerStatus.Registered || now_ == before) return;
        assert(verifier.signerFor(bytes20(anyApp), "devproof-deletion-v1") == signer);
    }

    /// What is accepted was signed by a registered key, lies within the times, and was allowed then.
    function check_attestNeedsAll() public {
        IDeletionRegistry.Deletion memory deletion = anyDeletion();
        bytes memory signature = svm.createBytes(65, "signature");
        bytes32 id = registry.attest(deletion, signature);
        address signer = registry.signerOf(address(app), registry.digestOf(id), signature);
        assert(
            registry.signerStatus(address(app), signer) == IDeletionRegistry.SignerStatus.Registered
        );
        assert(id == registry.hashDeletion(deletion));
        assert(deletion.deletedAt <= block.timestamp);
        assert(uint256(deletion.deletedAt) + 7 days >= block.timestamp);
        assert(app.allowedAt(deletion.composeHash, deletion.deletedAt) == 1);
    }

    /// Only the app's owner or guardian revokes.
    function check_revokeNeedsOwnerOrGuardian(address signer, address caller) public {
        vm.assume(caller != address(0));
        vm.prank(caller);
        registry.revokeSigner(address(app), signer);
        uint256 word = uint256(uint160(caller));
        assert(app.owner() == word || app.guardian() == word);
        assert(
            registry.signerStatus(address(app), signer) == IDeletionRegistry.SignerStatus.Revoked
        );
    }
}
