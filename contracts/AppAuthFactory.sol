// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AppAuth} from "./AppAuth.sol";
import {IAppAuth} from "./interfaces/IAppAuth.sol";
import {IAppAuthFactory} from "./interfaces/IAppAuthFactory.sol";

/// @dev The one function of a DstackKms that the factory calls. It is permissionless there.
interface IRegisterApp {
    function registerApp(address appId) external;
}

/// @title AppAuthFactory
/// @notice Deploys AppAuth by CREATE2 with its settings in the init code, and registers it with a
/// DstackKms in the same call. It keeps no power over what it deployed.
contract AppAuthFactory is IAppAuthFactory {
    /// @inheritdoc IAppAuthFactory
    mapping(address app => bool) public isDeployed;

    /// @inheritdoc IAppAuthFactory
    function deploy(IAppAuth.Settings calldata settings, bytes32 salt, address kms)
        external
        returns (address app)
    {
        app = predict(settings, salt);
        if (isDeployed[app]) revert AlreadyDeployed(app);
        isDeployed[app] = true;
        new AppAuth{salt: salt}(settings);
        emit AppDeployed(app, msg.sender, kms, salt, settings);
        // Last, and harmless if the KMS calls back: nothing here is left half done.
        if (kms != address(0)) IRegisterApp(kms).registerApp(app);
    }

    /// @inheritdoc IAppAuthFactory
    function predict(IAppAuth.Settings calldata settings, bytes32 salt)
        public
        view
        returns (address app)
    {
        bytes32 initCodeHash =
            keccak256(abi.encodePacked(type(AppAuth).creationCode, abi.encode(settings)));
        // EIP-1014.
        return address(
            uint160(
                uint256(
                    keccak256(abi.encodePacked(bytes1(0xff), address(this), salt, initCodeHash))
                )
            )
        );
    }
}
