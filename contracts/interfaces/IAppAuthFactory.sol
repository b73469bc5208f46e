// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IAppAuth} from "./IAppAuth.sol";

/// @title Births of AppAuth contracts
interface IAppAuthFactory {
    /// @notice An app was born with these settings.
    /// @param kms The DstackKms it was registered with in the same call; zero if none.
    event AppDeployed(
        address indexed app,
        address indexed deployer,
        address indexed kms,
        bytes32 salt,
        IAppAuth.Settings settings
    );

    /// @notice An app with these settings and this salt exists already, at this address.
    error AlreadyDeployed(address app);

    /// @notice Deploys an AppAuth by CREATE2 and registers it with a DstackKms, if one is given.
    /// @dev The settings are part of the init code, so the address commits to them: whoever else makes
    /// the same call first makes the very same app.
    function deploy(IAppAuth.Settings calldata settings, bytes32 salt, address kms)
        external
        returns (address app);

    /// @notice The app id that `deploy` gives to these settings and this salt.
    function predict(IAppAuth.Settings calldata settings, bytes32 salt)
        external
        view
        returns (address app);

    /// @notice Whether this factory deployed the app.
    function isDeployed(address app) external view returns (bool);
}
