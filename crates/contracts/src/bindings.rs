//! Our contracts, bound from the committed artifacts (`artifacts/`, written by `make artifacts`).
#![allow(missing_docs, missing_debug_implementations, clippy::all)]

use alloy_sol_types::sol;

sol!(
    #[sol(all_derives)]
    AppAuth,
    "artifacts/AppAuth.json"
);

/// AppAuth with a floor of zero: for local chains, no guarantee.
pub mod test_build {
    use alloy_sol_types::sol;
    sol!(
        #[sol(all_derives)]
        AppAuthTestBuild,
        "artifacts/AppAuthTestBuild.json"
    );
}

/// The factory.
pub mod factory {
    use alloy_sol_types::sol;
    sol!(
        #[sol(all_derives)]
        AppAuthFactory,
        "artifacts/AppAuthFactory.json"
    );
}

/// The verifier of signature chains.
pub mod verifier {
    use alloy_sol_types::sol;
    sol!(
        #[sol(all_derives)]
        SimpleDstackVerifier,
        "artifacts/SimpleDstackVerifier.json"
    );
}

/// The registry of deletion attestations.
pub mod registry {
    use alloy_sol_types::sol;
    sol!(
        #[sol(all_derives)]
        DeletionRegistry,
        "artifacts/DeletionRegistry.json"
    );
}

/// What answers many questions in one call, and is never deployed.
pub mod probe {
    use alloy_sol_types::sol;
    sol!(
        #[sol(all_derives)]
        StateProbe,
        "artifacts/StateProbe.json"
    );
}
