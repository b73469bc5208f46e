//! Anvil, a node that replays chains, PostgreSQL, keys as a KMS issues them, AWS KMS, and the life of a product; a dev-dependency only.

mod anvil;
pub mod aws_kms;
mod bench;
mod bindings;
mod busy;
mod compose;
mod deletions;
mod generations;
mod git;
mod kms_keys;
pub mod postgres;
pub mod proxy;
pub mod replay;
mod story;

pub use anvil::Anvil;
pub use bench::Bench;
pub use busy::Busy;
pub use compose::{Versions, real_data};
pub use generations::Birth;
pub use git::git;
pub use kms_keys::{Chain, KmsKeys};
pub use story::{Chapter, Story};
