//! The local stand-ins, bound from their committed artifacts.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, clippy::all)]

use alloy::sol;

sol!(LocalProxy, "artifacts/LocalProxy.json");

sol!(LocalDstackKms, "artifacts/LocalDstackKms.json");

pub(crate) mod app {
    use alloy::sol;
    sol!(LocalDstackApp, "artifacts/LocalDstackApp.json");
}
