//! What devproof asks of a node: heads and finality, logs, headers, code, transactions.
//!
//! A node is not believed further than needed: a page of logs counts only if the node held the same
//! chain before and after it was read ([`Node::logs`]).

mod account;
mod error;
mod identify;
mod logs;
mod node;

pub use account::{Account, Receipt};
pub use error::ChainError;
pub use identify::Identity;
pub use logs::NodeLog;
pub use node::{Heads, Node};
