//! The documents for people. All text from elsewhere stands in them as code.

mod deployments;
mod notes;
mod report;

pub(crate) use deployments::deployments;
pub(crate) use notes::notes;
pub(crate) use report::{report, summary};

use crate::text::code;
use alloy_primitives::{Address, B256};

/// A hash, whole: people compare it.
fn hash(hash: B256) -> String {
    format!("`{hash:#x}`")
}

fn address(address: Option<Address>) -> String {
    address.map_or_else(|| "not said".to_owned(), |it| format!("`{it:#x}`"))
}

/// Where people look a transaction up, for the chains that have a usual place. A convenience: it proves nothing.
fn explorer(chain: u64) -> Option<&'static str> {
    Some(match chain {
        1 => "https://etherscan.io/tx/",
        8_453 => "https://basescan.org/tx/",
        84_532 => "https://sepolia.basescan.org/tx/",
        11_155_111 => "https://sepolia.etherscan.io/tx/",
        _ => return None,
    })
}

/// A transaction, with a link to where people look it up.
fn transaction(chain: u64, hash: B256) -> String {
    match explorer(chain) {
        Some(base) => format!("[`{hash:#x}`]({base}{hash:#x})"),
        None => format!("`{hash:#x}`"),
    }
}

fn text(text: Option<&str>) -> String {
    text.map_or_else(|| "not said".to_owned(), code)
}
