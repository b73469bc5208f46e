// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "../AppAuth.sol";
import {AppAuthFactory} from "../AppAuthFactory.sol";
import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {IAppAuthFactory} from "../interfaces/IAppAuthFactory.sol";
import {LocalDstackKms} from "../local/LocalDstackKms.sol";
import {LocalProxy} from "../local/LocalProxy.sol";
import {AppAuthFixture} from "./helpers/AppAuthFixture.sol";
import {Vm} from "forge-std/Vm.sol";

contract AppAuthFactoryTest is AppAuthFixture {
    AppAuthFactory internal factory;
    LocalDstackKms internal kms;

    function setUp() public override {
        super.setUp();
        factory = new AppAuthFactory();
        bytes memory call = abi.encodeCall(LocalDstackKms.initialize, (OWNER, address(0)));
        kms = LocalDstackKms(address(new LocalProxy(address(new LocalDstackKms()), call)));
    }

    function naive(IAppAuth.Settings memory settings, bytes32 salt) private view returns (address) {
        bytes memory initCode =
            bytes.concat(vm.getCode("AppAuth.sol:AppAuth"), abi.encode(settings));
        return vm.computeCreate2Address(salt, keccak256(initCode), address(factory));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                    PREDICT
    //////////////////////////////////////////////////////////////////////////*/

    function test_Predict_WhenTheSettingsAreAny(
        address owner,
        uint32 notice,
        bytes32[] memory hashes,
        bytes32 salt
    ) public {
        vm.assume(owner != address(0));
        IAppAuth.Settings memory settings = loose();
        settings.owner = owner;
        settings.noticePeriod = uint32(bound(notice, FLOOR, CEILING));
        for (uint256 i = 0; i < hashes.length; ++i) {
            if (hashes[i] == 0) hashes[i] = ONE;
        }
        settings.composeHashes = hashes;
        address predicted = factory.predict(settings, salt);
        assertEq(predicted, naive(settings, salt));
        assertFalse(factory.isDeployed(predicted));
        assertEq(factory.deploy(settings, salt, address(0)), predicted);
        assertTrue(factory.isDeployed(predicted));
        assertEq(AppAuth(predicted).owner(), owner);
        assertEq(predicted.codehash, address(app).codehash);
        assertEq(factory.predict(settings, salt), predicted);
    }

    /// The app id commits to every setting it was born with.
    function test_Predict_WhenOneSettingDiffers() public view {
        IAppAuth.Settings[9] memory variants;
        for (uint256 i = 0; i < 9; ++i) {
            variants[i] = strict();
        }
        variants[1].owner = STRANGER;
        variants[2].guardian = address(0);
        variants[3].noticePeriod = NOTICE + 1;
        variants[4].allowAnyDevice = true;
        variants[5].requireTcbUpToDate = false;
        variants[6].composeHashes = list(NEW_HASH);
        variants[7].devices = list(NEW_DEVICE);
        variants[8].osImages = new bytes32[](0);
        for (uint256 i = 0; i < 9; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                assertNotEq(factory.predict(variants[i], 0), factory.predict(variants[j], 0));
            }
        }
        assertNotEq(factory.predict(strict(), 0), factory.predict(strict(), ONE));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                     DEPLOY
    //////////////////////////////////////////////////////////////////////////*/

    function test_Deploy_RevertGiven_ItWasDeployedAlready(address caller) public {
        address made = factory.deploy(strict(), 0, address(0));
        vm.expectRevert(abi.encodeWithSelector(IAppAuthFactory.AlreadyDeployed.selector, made));
        vm.prank(caller);
        factory.deploy(strict(), 0, address(kms));
        factory.deploy(strict(), ONE, address(0));
    }

    /// The reasons of the app itself come through.
    function test_Deploy_RevertWhen_TheSettingsAreNone() public {
        IAppAuth.Settings memory settings = strict();
        settings.owner = address(0);
        address predicted = factory.predict(settings, 0);
        vm.expectRevert(abi.encodeWithSelector(IAppAuth.OwnableInvalidOwner.selector, address(0)));
        factory.deploy(settings, 0, address(0));
        assertFalse(factory.isDeployed(predicted));
        assertFalse(factory.isDeployed(address(app)));
    }

    function test_Deploy_WhenAKMSIsNamed() public {
        address predicted = factory.predict(strict(), 0);
        vm.recordLogs();
        vm.prank(STRANGER);
        factory.deploy(strict(), 0, address(kms));
        assertTrue(kms.registeredApps(predicted));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory log;
        uint256 count;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != address(factory)) continue;
            log = logs[i];
            ++count;
        }
        assertEq(count, 1);
        assertEq(log.topics.length, 4);
        assertEq(log.topics[0], IAppAuthFactory.AppDeployed.selector);
        assertEq(log.topics[1], word(predicted));
        assertEq(log.topics[2], word(STRANGER));
        assertEq(log.topics[3], word(address(kms)));
        // Every setting, as it is.
        assertEq(log.data, abi.encode(bytes32(0), strict()));
        // The birth is told by the factory, so that is who made the entries.
        assertEq(AppAuth(predicted).owner(), OWNER);
    }

    function test_Deploy_WhenNoKMSIsNamed() public {
        vm.recordLogs();
        address made = factory.deploy(strict(), 0, address(0));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs[logs.length - 1].emitter, address(factory));
        assertEq(logs[logs.length - 1].topics[3], 0);
        assertFalse(kms.registeredApps(made));
        // Anybody registers it later.
        kms.registerApp(made);
    }

    function test_Deploy_RevertGiven_TheKMSReverts() public {
        RefusingKms refusing = new RefusingKms();
        address predicted = factory.predict(strict(), 0);
        vm.expectRevert(RefusingKms.Closed.selector);
        factory.deploy(strict(), 0, address(refusing));
        assertFalse(factory.isDeployed(predicted));
        assertEq(predicted.code.length, 0);
        // Not even a KMS.
        vm.expectRevert();
        factory.deploy(strict(), 0, STRANGER);
        assertFalse(factory.isDeployed(predicted));
        factory.deploy(strict(), 0, address(kms));
    }

    function test_Deploy_GivenTheKMSCallsBack() public {
        ReentrantKms reentrant = new ReentrantKms(factory, strict());
        address made = factory.deploy(strict(), 0, address(reentrant));
        assertEq(
            reentrant.answer(),
            abi.encodeWithSelector(IAppAuthFactory.AlreadyDeployed.selector, made)
        );
        assertTrue(factory.isDeployed(made));
    }
}

/// @notice A KMS that registers nobody.
contract RefusingKms {
    error Closed();

    function registerApp(address) external pure {
        revert Closed();
    }
}

/// @notice A KMS that makes the same deployment again from within the registration.
contract ReentrantKms {
    AppAuthFactory private immutable _FACTORY;
    IAppAuth.Settings private _settings;
    bytes public answer;

    constructor(AppAuthFactory factory, IAppAuth.Settings memory settings) {
        _FACTORY = factory;
        _settings = settings;
    }

    function registerApp(address) external {
        try _FACTORY.deploy(_settings, 0, address(0)) {}
        catch (bytes memory reason) {
            answer = reason;
        }
    }
}
