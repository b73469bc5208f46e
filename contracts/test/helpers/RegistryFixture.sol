// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {DeletionRegistry} from "../../DeletionRegistry.sol";
import {SimpleDstackVerifier} from "../../SimpleDstackVerifier.sol";
import {IDeletionRegistry} from "../../interfaces/IDeletionRegistry.sol";
import {ISimpleDstackVerifier} from "../../interfaces/ISimpleDstackVerifier.sol";
import {LocalDstackApp} from "../../local/LocalDstackApp.sol";
import {TimedApp} from "./PolicyApps.sol";
import {SignatureChainFixture} from "./SignatureChainFixture.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";

/// @notice A registry with an app of either kind, one registered key each.
abstract contract RegistryFixture is SignatureChainFixture {
    address internal constant OWNER = address(0x0123);
    address internal constant GUARDIAN = address(0x4567);
    address internal constant STRANGER = address(0x89ab);
    bytes32 internal constant HASH = keccak256("compose v1");
    uint256 internal constant START = 1_790_000_000;

    SimpleDstackVerifier internal verifier;
    DeletionRegistry internal registry;
    TimedApp internal app;
    LocalDstackApp internal stock;
    address internal signer = vm.addr(DERIVED_SECRET);

    function setUp() public virtual {
        vm.warp(START);
        verifier = new SimpleDstackVerifier(vm.addr(ROOT_SECRET));
        registry = new DeletionRegistry(verifier);
        app = new TimedApp(OWNER, GUARDIAN);
        app.allow(HASH, START - 30 days, type(uint256).max);
        bytes memory call = abi.encodeWithSelector(0x187515ca, OWNER, false, true, bytes32(0), HASH);
        stock = LocalDstackApp(address(new ERC1967Proxy(address(new LocalDstackApp()), call)));
        register(address(app));
        register(address(stock));
    }

    function chainFor(address app_) internal returns (ISimpleDstackVerifier.Chain memory) {
        return
            makeChain(
                ROOT_SECRET, APP_SECRET, DERIVED_SECRET, bytes20(app_), "devproof-deletion-v1"
            );
    }

    function register(address app_) internal returns (address) {
        return register(app_, chainFor(app_));
    }

    function register(address app_, ISimpleDstackVerifier.Chain memory chain)
        internal
        returns (address)
    {
        return registry.registerSigner(
            app_, chain.appKey, chain.derivedKey, chain.appSignature, chain.kmsSignature
        );
    }

    function deletionOf(address app_, uint256 nonce)
        internal
        view
        returns (IDeletionRegistry.Deletion memory)
    {
        return IDeletionRegistry.Deletion({
            app: app_,
            composeHash: HASH,
            userIdHash: keccak256(abi.encode("user", nonce)),
            dataHash: keccak256(abi.encode("data", nonce)),
            deletedAt: uint64(block.timestamp),
            nonce: bytes32(nonce)
        });
    }

    /// `count` deletions by now, of users of their own.
    function batchOf(address app_, uint256 nonce, uint256 count)
        internal
        view
        returns (IDeletionRegistry.DeletionBatch memory batch)
    {
        batch.app = app_;
        batch.composeHash = HASH;
        batch.userIdHashes = new bytes32[](count);
        batch.dataHashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            batch.userIdHashes[i] = keccak256(abi.encode("user of batch", nonce, i));
            batch.dataHashes[i] = keccak256(abi.encode("data of batch", nonce, i));
        }
        batch.deletedAt = uint64(block.timestamp);
        batch.nonce = bytes32(nonce);
    }

    function rootOf(address app_, bytes32 root, uint64 count)
        internal
        view
        returns (IDeletionRegistry.DeletionRoot memory)
    {
        return IDeletionRegistry.DeletionRoot({
            app: app_,
            composeHash: HASH,
            root: root,
            count: count,
            deletedAt: uint64(block.timestamp),
            nonce: 0
        });
    }

    function sign(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        return ethereumStyle(key, registry.digestOf(structHash));
    }

    function sign(IDeletionRegistry.Deletion memory deletion) internal view returns (bytes memory) {
        return sign(DERIVED_SECRET, registry.hashDeletion(deletion));
    }

    function sign(IDeletionRegistry.DeletionBatch memory batch)
        internal
        view
        returns (bytes memory)
    {
        return sign(DERIVED_SECRET, registry.hashBatch(batch));
    }

    function sign(IDeletionRegistry.DeletionRoot memory statement)
        internal
        view
        returns (bytes memory)
    {
        return sign(DERIVED_SECRET, registry.hashRoot(statement));
    }

    function word(address account) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    function seedOf(address app_) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("devproof deletion history v1"), block.chainid, address(registry), app_
            )
        );
    }

    function extended(bytes32 root, uint8 kind, bytes32 value, address actor)
        internal
        view
        returns (bytes32)
    {
        return keccak256(abi.encode(root, kind, value, actor, block.number, block.timestamp));
    }
}
