//! What devproof asks of a node: heads and finality, logs, headers, code, transactions.
//!
//! A node is not believed further than needed: a page of logs counts only if the node held the same
//! chain before and after it was read ([`Node::logs`]). It may be asked at several endpoints: the next
//! one answers where one does not, and several can be made to agree before their logs count. Who asks many
//! small things at once asks them in few requests.

mod account;
mod capabilities;
mod endpoint;
mod error;
mod gather;
mod header;
mod identify;
mod logs;
mod matching;
mod metrics;
mod node;
mod post;
mod probe;
mod refusal;
mod sending;
mod socket;
mod state;

pub use account::{Account, Receipt};
pub use capabilities::StateDepth;
pub use error::ChainError;
pub use header::Header;
pub use identify::Identity;
pub use logs::NodeLog;
pub use metrics::RpcMetrics;
pub use node::{Heads, Node, Options};
pub use probe::Look;
pub use refusal::Refusal;
pub use sending::{Included, Nonces, Sent};
pub use socket::News;
pub use state::AccountState;
