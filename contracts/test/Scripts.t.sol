// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Deploy} from "../../script/Deploy.s.sol";
import {Manage} from "../../script/Manage.s.sol";
import {AppAuth} from "../AppAuth.sol";
import {AppAuthFactory} from "../AppAuthFactory.sol";
import {DeletionRegistry} from "../DeletionRegistry.sol";
import {SimpleDstackVerifier} from "../SimpleDstackVerifier.sol";
import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {Test} from "forge-std/Test.sol";

/// @notice The operators' scripts, as forge runs them.
contract ScriptsTest is Test {
    address internal constant ROOT = address(0x0123);
    bytes32 internal constant HASH = keccak256("compose v1");
    bytes32 internal constant NEW_HASH = keccak256("compose v2");

    Deploy internal deployer = new Deploy();
    Manage internal manage = new Manage();

    function test_deploysAtPredictableAddresses() public {
        (address factory, address verifier, address registry) = deployer.deploy(0, ROOT);
        assertEq(factory, deployer.predict(0, vm.getCode("AppAuthFactory.sol:AppAuthFactory")));
        assertEq(SimpleDstackVerifier(verifier).kmsRoot(), ROOT);
        assertEq(address(DeletionRegistry(registry).verifier()), verifier);
        // Run again, it finds what is there.
        (address sameFactory, address sameVerifier, address sameRegistry) = deployer.deploy(0, ROOT);
        assertEq(sameFactory, factory);
        assertEq(sameVerifier, verifier);
        assertEq(sameRegistry, registry);
    }

    function test_withoutARootThereIsTheFactoryOnly() public {
        (address factory, address verifier, address registry) = deployer.deploy(0, address(0));
        assertGt(factory.code.length, 0);
        assertEq(verifier, address(0));
        assertEq(registry, address(0));
    }

    function test_withoutTheDeployerAddressesArePlain() public {
        vm.etch(deployer.DETERMINISTIC_DEPLOYER(), "");
        (address factory, address verifier, address registry) = deployer.deploy(0, ROOT);
        assertGt(factory.code.length, 0);
        assertNotEq(factory, deployer.predict(0, vm.getCode("AppAuthFactory.sol:AppAuthFactory")));
        assertEq(address(DeletionRegistry(registry).verifier()), verifier);
    }

    /// A release, a withdrawal and a removal.
    function test_managesAnApp() public {
        AppAuthFactory factory = new AppAuthFactory();
        AppAuth app = AppAuth(
            manage.deploy(address(factory), DEFAULT_SENDER, address(0), 7 days, HASH, 0, address(0))
        );
        assertTrue(app.allowedComposeHashes(HASH));
        manage.propose(app, NEW_HASH);
        vm.expectPartialRevert(IAppAuth.NoticeNotElapsed.selector);
        this.activate(app, NEW_HASH);
        vm.warp(app.activatesAt(NEW_HASH));
        manage.activate(app, NEW_HASH);
        assertTrue(app.allowedComposeHashes(NEW_HASH));
        manage.remove(app, HASH);
        assertFalse(app.allowedComposeHashes(HASH));
        manage.propose(app, HASH, HASH, "https://example.org");
        manage.cancel(app, HASH);
        manage.propose(app, Kinds.NOTICE_PERIOD, bytes32(uint256(3 days)));
        assertEq(app.pendingCount(), 1);
        manage.cancel(app, Kinds.NOTICE_PERIOD, bytes32(uint256(3 days)));
        assertEq(app.pendingCount(), 0);
        manage.status(app, Kinds.GUARDIAN, 0);
    }

    function activate(AppAuth app, bytes32 hash) external {
        vm.prank(DEFAULT_SENDER);
        app.activateComposeHash(hash);
    }
}
