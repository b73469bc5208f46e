// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../../AppAuth.sol";
import {AppAuthFactory} from "../../AppAuthFactory.sol";
import {IAppAuth} from "../../interfaces/IAppAuth.sol";
import {IAppAuthFactory} from "../../interfaces/IAppAuthFactory.sol";
import {LocalDstackKms} from "../../local/LocalDstackKms.sol";
import {LocalProxy} from "../../local/LocalProxy.sol";
import {AppAuthFixture} from "../helpers/AppAuthFixture.sol";
import {HistoryReference} from "../helpers/HistoryReference.sol";
import {Vm} from "forge-std/Vm.sol";

/// @notice Ways to have users trust an app that is not the one they think, each named for what it would
/// have cost them, with the class of defect it comes from.
contract AppAuthFactoryAttacksTest is AppAuthFixture {
    AppAuthFactory internal factory;
    LocalDstackKms internal kms;
    LocalDstackKms internal foreign;

    function setUp() public override {
        super.setUp();
        factory = new AppAuthFactory();
        (kms, foreign) = (newKms(OWNER), newKms(STRANGER));
    }

    function newKms(address owner) private returns (LocalDstackKms) {
        bytes memory call = abi.encodeCall(LocalDstackKms.initialize, (owner, address(0)));
        return LocalDstackKms(address(new LocalProxy(address(new LocalDstackKms()), call)));
    }

    /// The published app id is the thief's, who deployed it first with himself as the owner. CREATE2
    /// front-running: a salt that is all the address depends on, and initialization in a second call.
    function test_attack_publishedAppIdDeployedFirstWithOtherSettings() public {
        address published = factory.predict(strict(), 0);
        IAppAuth.Settings memory own = strict();
        own.owner = STRANGER;
        vm.startPrank(STRANGER);
        address made = factory.deploy(own, 0, address(kms));
        assertNotEq(made, published);
        // With the very settings it is the very app, and he paid for it.
        assertEq(factory.deploy(strict(), 0, address(0)), published);
        vm.stopPrank();
        assertEq(AppAuth(published).owner(), OWNER);
        assertEq(AppAuth(published).guardian(), GUARDIAN);
        expectNotOwner(STRANGER);
        vm.prank(STRANGER);
        AppAuth(published).proposeComposeHash(NEW_HASH);
    }

    /// An app without keys: deployed first by somebody else and registered with a KMS of his, so that
    /// the owner's own deployment is refused. Griefing of a one-time initialization. It costs the owner
    /// one more call, and the event that names the foreign KMS gives that KMS nothing.
    function test_attack_appRegisteredWithAForeignKmsFirst() public {
        vm.prank(STRANGER);
        address made = factory.deploy(strict(), 0, address(foreign));
        vm.expectRevert(abi.encodeWithSelector(IAppAuthFactory.AlreadyDeployed.selector, made));
        vm.prank(OWNER);
        factory.deploy(strict(), 0, address(kms));
        assertFalse(kms.registeredApps(made));
        vm.prank(OWNER);
        kms.registerApp(made);
        assertTrue(kms.registeredApps(made));
        assertEq(AppAuth(made).owner(), OWNER);
    }

    /// A version that nobody was told of, allowed from birth. Constructor back doors: state that is set
    /// without an event, so that no index ever shows it.
    function test_attack_versionHiddenInTheBirth() public {
        IAppAuth.Settings memory settings = strict();
        settings.composeHashes = list(HASH, NEW_HASH);
        settings.devices = list(DEVICE, NEW_DEVICE);
        settings.osImages = list(IMAGE, NEW_IMAGE);
        HistoryReference naive = new HistoryReference(factory.predict(settings, 0));
        vm.recordLogs();
        AppAuth made = AppAuth(factory.deploy(settings, 0, address(kms)));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        naive.take(logs);
        assertEq(naive.root(), made.historyRoot());
        assertTrue(naive.composeHashes(NEW_HASH) && naive.devices(NEW_DEVICE));
        assertTrue(naive.composeHashes(HASH) && naive.devices(DEVICE));
        assertEq(naive.entries(), 11);
        // What was not said is not there.
        assertFalse(made.allowedComposeHashes(ONE) || made.allowedDeviceIds(ONE));
        assertFalse(made.allowedOsImages(ONE) || made.allowAnyDevice());
    }

    /// The deployer, or the factory itself, keeps a key to the app. Privileges of whoever made the
    /// contract (`msg.sender` in a constructor), which a factory passes to itself.
    function test_attack_deployerKeepsAKey() public {
        vm.prank(STRANGER);
        AppAuth made = AppAuth(factory.deploy(strict(), 0, address(kms)));
        address[2] memory makers = [STRANGER, address(factory)];
        for (uint256 i = 0; i < 2; ++i) {
            vm.startPrank(makers[i]);
            expectNotOwner(makers[i]);
            made.proposeComposeHash(NEW_HASH);
            expectNotOwnerOrGuardian(makers[i]);
            made.removeComposeHash(HASH);
            expectNotOwner(makers[i]);
            made.acceptOwnership();
            vm.stopPrank();
        }
    }

    /// A good history shown for the app of the same address on another chain. The same factory at the
    /// same address makes the same app id everywhere; what happened on one chain says nothing of the
    /// other. Cross-chain replay.
    function test_attack_historyReplayedOnAnotherChain() public {
        uint256 here = vm.snapshotState();
        AppAuth made = AppAuth(factory.deploy(strict(), 0, address(0)));
        (address id, bytes32 root) = (address(made), made.historyRoot());
        vm.revertToState(here);
        vm.chainId(block.chainid + 1);
        made = AppAuth(factory.deploy(strict(), 0, address(0)));
        assertEq(address(made), id);
        assertEq(address(made).codehash, address(app).codehash);
        assertNotEq(made.historyRoot(), root);
    }

    /// An app with other rules passes for one of this factory. Trust in an address for who it says made
    /// it: asked here, the factory answers for its own only.
    function test_attack_otherCodePassesForOneOfThisFactory() public {
        AppAuthFactory twin = new AppAuthFactory();
        address made = twin.deploy(strict(), 0, address(kms));
        assertTrue(twin.isDeployed(made));
        assertFalse(factory.isDeployed(made));
        assertFalse(factory.isDeployed(address(kms)));
        assertNotEq(factory.predict(strict(), 0), made);
    }
}
