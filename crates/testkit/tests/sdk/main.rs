//! AppAuth in the hands of Phala's own SDK (npm `@phala/cloud`, pinned in `package.json`), on anvil.
//!
//! What the SDK does, as read from it and as these tests see it, where one could think otherwise:
//!
//! - `addComposeHash` and `addDevice` ask for `owner()` first and stop if it is not the sender. That
//!   anyone may activate what is ripe is therefore of no use to those who come with the SDK.
//!   `removeDevice` and `setAllowAnyDevice` ask nobody.
//! - Gas is estimated before a transaction is signed, so a refusal costs nothing and leaves no trace.
//! - Our errors are not in its ABI: it prints `NoticeRequired` as `0xa39af5f5`, "Unable to decode
//!   signature". The name never shows, and the time only as hexadecimal where the node repeats the data.
//!   The data of the revert is in the error (`details`), and lost in the `safe...` variants, which are
//!   those that `phala deploy` calls.
//! - Success is a receipt with status 1. `ComposeHashAdded` is looked for, but its absence is as good,
//!   and another hash in it only a warning. A call that quietly proposed would pass for an allowed hash.
//! - `phala deploy` calls `addComposeHash` also where the hash is allowed, and gives the platform the
//!   transaction as evidence. Whether the platform wants the event in it, nobody outside knows.
//! - `checkOnChainPrerequisites` is three getters in one Multicall3 call. It knows nothing of the TCB
//!   requirement, of OS images, or of the KMS, and takes an unreachable node for three times no. On a
//!   chain without Multicall3 in its table, such as its own local one (31337), it throws.
//! - `deployAppAuth` calls the KMS's factory of stock apps. It cannot make an AppAuth.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

mod compose_hashes;
mod devices;
mod driver;
mod kms;
mod world;
