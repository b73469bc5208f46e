//! A chain that anvil holds, taken down and executed again.

use super::ledger::{Ledger, Sent};
use crate::Anvil;
use alloy::{
    consensus::Header,
    primitives::{Address, B256, Bytes, U64},
};
use eyre::{Result, ensure};
use serde::Deserialize;
use serde_json::json;

/// A transaction as anvil gives it.
#[derive(Debug, Deserialize)]
struct Included {
    hash: B256,
    from: Address,
    to: Option<Address>,
    nonce: U64,
    gas: U64,
    input: Bytes,
    #[serde(default, rename = "type")]
    kind: U64,
}

#[derive(Debug, Deserialize)]
struct Block {
    hash: B256,
    #[serde(flatten)]
    header: Header,
    transactions: Vec<Included>,
}

impl Ledger {
    /// Takes down the chain that an anvil holds, block by block: headers as they are, and transactions, which are executed
    /// here and have to lead to the receipts that anvil's headers commit to. Accounts that began with code or storage are
    /// not known, and no transaction may carry ether.
    ///
    /// # Errors
    /// What anvil says; or if a block comes to something else here.
    pub async fn record(anvil: &Anvil) -> Result<Self> {
        let number = async |method: &'static str| -> Result<u64> {
            let answer = anvil.request(method, json!([])).await?;
            Ok(serde_json::from_value::<U64>(answer)?.to())
        };
        let mut ledger = Self::new(number("eth_chainId").await?);
        for number in 0..=number("eth_blockNumber").await? {
            let params = json!([format!("{number:#x}"), true]);
            let block = anvil.request("eth_getBlockByNumber", params).await?;
            let Block { hash, header, transactions } = serde_json::from_value(block)?;
            for Included { hash, from, to, nonce, gas, input, kind } in transactions {
                let sent = Sent { from, to, input };
                let what = (hash, kind.to());
                let included = ledger.include(&sent, what, gas.to(), header.timestamp)?;
                ensure!(included.nonce == nonce.to::<u64>(), "{hash} is out of turn");
            }
            ledger.seal_as(header)?;
            let sealed = ledger.blocks.last().map(|block| block.hash);
            ensure!(sealed == Some(hash), "the hash of block {number} is not that of its header");
        }
        Ok(ledger)
    }
}
