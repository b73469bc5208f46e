//! The local stand-ins, bound from their committed artifacts.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, clippy::all)]

use alloy::sol;

sol!(LocalProxy, "artifacts/LocalProxy.json");

sol!(LocalDstackKms, "artifacts/LocalDstackKms.json");

pub(crate) mod app {
    use alloy::sol;
    sol!(LocalDstackApp, "artifacts/LocalDstackApp.json");
}

pub(crate) mod legacy {
    use alloy::sol;
    sol!(LocalLegacyKmsAuth, "artifacts/LocalLegacyKmsAuth.json");

    pub(crate) mod app {
        use alloy::sol;
        sol!(LocalLegacyAppAuth, "artifacts/LocalLegacyAppAuth.json");
    }
}

pub(crate) mod timelock {
    use alloy::sol;
    sol!(LocalTimelockAppAuth, "artifacts/LocalTimelockAppAuth.json");
}

pub(crate) mod safe {
    use alloy::sol;
    sol!(LocalSafe, "artifacts/LocalSafe.json");
}
