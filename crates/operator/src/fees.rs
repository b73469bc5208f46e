//! What is offered for a transaction (EIP-1559).

use crate::OperatorError;
use devproof_chain::{Node, Sent};

/// What is offered for a unit of gas, in wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// The most, all in all.
    pub most: u128,
    /// And of that to who makes the block.
    pub tip: u128,
}

/// What somebody wants to offer instead of what the last blocks suggest, in wei.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The most, all in all.
    pub most: Option<u128>,
    /// And of that to who makes the block.
    pub tip: Option<u128>,
}

/// What a transaction has to offer more than the one it replaces, in percent. Nodes ask for 10; some of them for 12.5.
const MORE: u128 = 13;

impl Fees {
    /// What the last blocks suggest, or what is wanted.
    ///
    /// # Errors
    /// What the node says; a tip that is more than the most.
    pub async fn now(node: &Node, wanted: Wanted) -> Result<Self, OperatorError> {
        let market = match (wanted.most, wanted.tip) {
            (Some(most), Some(tip)) => Self { most, tip },
            _ => {
                let fees = node.fees().await?;
                let tip = wanted.tip.unwrap_or(fees.max_priority_fee_per_gas);
                let most = wanted.most.unwrap_or_else(|| fees.max_fee_per_gas.max(tip));
                Self { most, tip: if wanted.tip.is_none() { tip.min(most) } else { tip } }
            }
        };
        if market.tip > market.most {
            return Err(OperatorError::Underpriced(
                "the tip is part of the most, and is more than it".to_owned(),
            ));
        }
        Ok(market)
    }

    /// At least so much that nodes take it in the place of another transaction.
    #[must_use]
    pub fn to_replace(self, other: &Sent) -> Self {
        let more = |fee: u128| fee.saturating_add((fee.saturating_mul(MORE) / 100).max(1));
        let most = self.most.max(more(other.max_fee_per_gas));
        let tip = self.tip.max(more(other.max_priority_fee_per_gas)).min(most);
        Self { most, tip }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{B256, Bytes};

    #[test]
    fn a_replacement_offers_more_of_both() {
        let other = Sent {
            hash: B256::ZERO,
            nonce: 1,
            to: None,
            input: Bytes::new(),
            max_fee_per_gas: 1_000,
            max_priority_fee_per_gas: 5,
            block: None,
        };
        let cheap = Fees { most: 10, tip: 1 };
        assert_eq!(cheap.to_replace(&other), Fees { most: 1_130, tip: 6 });
        let dear = Fees { most: 10_000, tip: 100 };
        assert_eq!(dear.to_replace(&other), dear);
    }
}
