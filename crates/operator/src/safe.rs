//! A Safe that owns an app: what its owners import, and the hash that their devices show.
//!
//! The form of the hash is that of safe-smart-account, `Safe.sol`: EIP-712 with the domain (chain id, Safe) from version 1.3.0 on, and
//! (Safe) alone before. The file is that of the Transaction Builder, version 1.0 of its format.

use crate::{Call, OperatorError};
use alloy::{
    primitives::{Address, B256, Bytes, U256},
    sol,
    sol_types::{Eip712Domain, SolStruct},
};
use devproof_chain::Node;
use schemars::JsonSchema;
use serde::Serialize;

/// The functions of a Safe that are asked.
mod contract {
    #![allow(missing_docs, missing_debug_implementations, clippy::too_many_arguments)]
    use super::sol;

    sol! {
        interface Safe {
            function VERSION() external view returns (string);
            function nonce() external view returns (uint256);
            function getThreshold() external view returns (uint256);
            function getOwners() external view returns (address[]);
            function getTransactionHash(address to, uint256 value, bytes calldata data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, uint256 nonce) external view returns (bytes32);
        }

        /// What the owners of a Safe sign.
        struct SafeTx {
            address to;
            uint256 value;
            bytes data;
            uint8 operation;
            uint256 safeTxGas;
            uint256 baseGas;
            uint256 gasPrice;
            address gasToken;
            address refundReceiver;
            uint256 nonce;
        }
    }
}

use contract::{Safe, SafeTx};

/// A transaction for a Safe to sign: a plain call that pays nobody back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SafeTransaction {
    /// The Safe.
    pub safe: Address,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Its version, as it says.
    pub version: String,
    /// How many owners have to sign.
    pub threshold: u64,
    /// How many owners there are.
    pub owners: usize,
    /// The nonce of the Safe that it is for.
    pub nonce: u64,
    /// The hash that a device shows for signing (EIP-712): compare it there.
    pub safe_tx_hash: B256,
}

/// The hash that the owners of a Safe sign for a call.
#[must_use]
pub fn safe_tx_hash(chain_id: u64, safe: Address, version: &str, call: &Call, nonce: u64) -> B256 {
    let domain = Eip712Domain {
        chain_id: has_chain_id(version).then(|| U256::from(chain_id)),
        verifying_contract: Some(safe),
        ..Eip712Domain::default()
    };
    let signed = SafeTx {
        to: call.target,
        value: U256::from(call.value),
        data: call.data.clone(),
        // A call. The other one, 1, runs foreign code as the Safe itself.
        operation: 0,
        safeTxGas: U256::ZERO,
        baseGas: U256::ZERO,
        gasPrice: U256::ZERO,
        gasToken: Address::ZERO,
        refundReceiver: Address::ZERO,
        nonce: U256::from(nonce),
    };
    signed.eip712_signing_hash(&domain)
}

/// Whether Safes of a version, `1.4.1+L2`, have the chain id in their domain.
fn has_chain_id(version: &str) -> bool {
    let mut parts = version.split(['.', '+', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (1, 3)
}

/// How many owners of a Safe have to sign, and how many there are, after a block.
///
/// # Errors
/// What the node says; [`OperatorError::Unsupported`] if the address is no Safe.
pub async fn owners(node: &Node, safe: Address, block: u64) -> Result<(u64, usize), OperatorError> {
    let threshold = node.asked(safe, &Safe::getThresholdCall {}, block).await?;
    let owners = node.asked(safe, &Safe::getOwnersCall {}, block).await?;
    match (threshold, owners) {
        (Some(threshold), Some(owners)) => Ok((threshold.saturating_to(), owners.len())),
        _ => Err(no_safe(safe)),
    }
}

fn no_safe(safe: Address) -> OperatorError {
    OperatorError::Unsupported(format!(
        "{safe} does not answer as a Safe does: check the address and the chain"
    ))
}

/// Prepares a call for a Safe, and makes sure that the Safe itself computes the same hash.
///
/// # Errors
/// What the node says, also if the address is no Safe; [`OperatorError::SafeDisagrees`].
pub async fn prepare(
    node: &Node,
    safe: Address,
    call: &Call,
    nonce: Option<u64>,
) -> Result<SafeTransaction, OperatorError> {
    let block = node.heads().await?.latest.number;
    let no_safe = || no_safe(safe);
    let version = node.asked(safe, &Safe::VERSIONCall {}, block).await?.ok_or_else(no_safe)?;
    let next = node.asked(safe, &Safe::nonceCall {}, block).await?.ok_or_else(no_safe)?;
    let (threshold, owners) = self::owners(node, safe, block).await?;
    let nonce = nonce.unwrap_or_else(|| next.saturating_to());
    let ours = safe_tx_hash(node.chain_id(), safe, &version, call, nonce);
    let question = Safe::getTransactionHashCall {
        to: call.target,
        value: U256::from(call.value),
        data: call.data.clone(),
        operation: 0,
        safeTxGas: U256::ZERO,
        baseGas: U256::ZERO,
        gasPrice: U256::ZERO,
        gasToken: Address::ZERO,
        refundReceiver: Address::ZERO,
        nonce: U256::from(nonce),
    };
    let theirs = node.asked(safe, &question, block).await?.ok_or_else(no_safe)?;
    if theirs != ours {
        return Err(OperatorError::SafeDisagrees { safe, theirs, ours });
    }
    Ok(SafeTransaction {
        safe,
        chain_id: node.chain_id(),
        // Text of a contract; versions are short.
        version: version.chars().take(20).filter(char::is_ascii_graphic).collect(),
        threshold,
        owners,
        nonce,
        safe_tx_hash: ours,
    })
}

/// The file that the Transaction Builder imports.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuilderFile {
    version: &'static str,
    chain_id: String,
    created_at: u64,
    meta: Meta,
    transactions: Vec<BuilderTransaction>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Meta {
    name: String,
    description: String,
    tx_builder_version: &'static str,
    created_from_safe_address: String,
    created_from_owner_address: &'static str,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct BuilderTransaction {
    to: String,
    value: String,
    #[schemars(with = "String")]
    data: Bytes,
    contract_method: (),
    contract_inputs_values: (),
}

/// The file for a call. `created_at` is shown only, Unix seconds.
#[must_use]
pub fn builder_file(
    prepared: &SafeTransaction,
    call: &Call,
    name: &str,
    created_at: u64,
) -> BuilderFile {
    BuilderFile {
        version: "1.0",
        chain_id: prepared.chain_id.to_string(),
        created_at: created_at.saturating_mul(1_000),
        meta: Meta {
            name: name.to_owned(),
            description: format!(
                "{} of {}; with nonce {} its safeTxHash is {}",
                call.function, call.target, prepared.nonce, prepared.safe_tx_hash
            ),
            tx_builder_version: "1.16.5",
            created_from_safe_address: prepared.safe.to_string(),
            created_from_owner_address: "",
        },
        transactions: vec![BuilderTransaction {
            to: call.target.to_string(),
            value: call.value.to_string(),
            data: call.data.clone(),
            contract_method: (),
            contract_inputs_values: (),
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{b256, keccak256};

    #[test]
    fn the_types_are_those_that_safe_published() {
        assert_eq!(
            keccak256(<SafeTx as SolStruct>::eip712_encode_type().as_bytes()),
            b256!("bb8310d486368db6bd6f849402fdd73ad53d316b5a4b2644ad6efe0f941286d8")
        );
        let with = Eip712Domain {
            chain_id: Some(U256::from(1)),
            verifying_contract: Some(Address::ZERO),
            ..Eip712Domain::default()
        };
        let without = Eip712Domain { chain_id: None, ..with.clone() };
        assert_eq!(
            with.type_hash(),
            b256!("47e79534a245952e8b16893a336b85a3d9ea9fa8c573f3d803afb92a79469218")
        );
        assert_eq!(
            without.type_hash(),
            b256!("035aff83d86937d35b32e04f0ddc6ff469290eef2f1b692d8a815c89404d4749")
        );
    }

    #[test]
    fn the_chain_id_is_in_it_from_1_3_on() {
        for (version, has) in [
            ("1.0.0", false),
            ("1.1.1", false),
            ("1.3.0", true),
            ("1.4.1+L2", true),
            ("1.5.0", true),
            ("2.0", true),
            ("", false),
        ] {
            assert_eq!(has_chain_id(version), has, "{version}");
        }
    }
}
