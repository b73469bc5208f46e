//! Headers, and what they prove about logs.

use crate::{ChainError, Node, NodeLog, logs::ToldLog};
use alloy::{
    eips::BlockNumberOrTag,
    primitives::{Address, B256, Bloom, Bytes},
    providers::Provider,
    rpc::types::Block,
};
use alloy_rlp::Encodable;
use alloy_trie::root::ordered_trie_root_encoded;
use devproof_primitives::BlockRef;
use serde::Deserialize;

/// A header, as far as it says something about logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The block.
    pub block: BlockRef,
    /// Which addresses and topics its logs may have: never a log that it does not admit.
    pub logs_bloom: Bloom,
    /// Root of the tree of its receipts, in which its logs stand.
    pub receipts_root: B256,
    /// Whether the hash of the block is that of this header; not so where a chain has headers of a form of its own. What is
    /// not proved may be made up.
    pub proved: bool,
}

impl Header {
    /// Whether the block may hold this log. `false` is certain.
    #[must_use]
    pub fn admits(&self, log: &NodeLog) -> bool {
        log.block_hash == self.block.hash
            && self.logs_bloom.contains_raw_log(log.address, &log.topics)
    }
}

/// A receipt, as far as the tree has it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    status: Option<String>,
    cumulative_gas_used: String,
    logs_bloom: Bloom,
    logs: Vec<ToldLog>,
    /// Of a deposit of the OP stack.
    deposit_nonce: Option<String>,
    /// Likewise; without it, the nonce is not in the tree.
    deposit_receipt_version: Option<String>,
}

/// The type of deposits of the OP stack.
const DEPOSIT: u8 = 0x7e;

impl Receipt {
    /// Its place in the tree of receipts; `None` if it is of a type whose form we do not know.
    fn encoded(&self) -> Option<Vec<u8>> {
        let kind = u8::try_from(self.kind.as_deref().map_or(Some(0), number)?).ok()?;
        let (status, gas) =
            (number(self.status.as_deref()?)? != 0, number(&self.cumulative_gas_used)?);
        let logs: Vec<_> = self.logs.iter().map(ToldLog::in_receipt).collect();
        let mut payload = Vec::new();
        status.encode(&mut payload);
        gas.encode(&mut payload);
        self.logs_bloom.encode(&mut payload);
        logs.encode(&mut payload);
        if kind == DEPOSIT
            && let Some(version) = self.deposit_receipt_version.as_deref()
        {
            number(self.deposit_nonce.as_deref()?)?.encode(&mut payload);
            number(version)?.encode(&mut payload);
        } else if kind != DEPOSIT && kind > 4 {
            return None;
        }
        let mut encoded = if kind == 0 { Vec::new() } else { vec![kind] };
        alloy_rlp::Header { list: true, payload_length: payload.len() }.encode(&mut encoded);
        encoded.extend(payload);
        Some(encoded)
    }
}

/// A number as nodes write them.
fn number(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

impl Node {
    /// The header of the canonical block with this number; `None` if the node has none yet.
    ///
    /// # Errors
    /// What the node says.
    pub async fn header(&self, number: u64) -> Result<Option<Header>, ChainError> {
        let method = "eth_getBlockByNumber";
        self.ask(|endpoint| async move {
            let which = BlockNumberOrTag::Number(number);
            let block: Option<Block> = (endpoint.provider.get_block_by_number(which).await)
                .map_err(|e| ChainError::from_rpc(&endpoint.url, method, e))?;
            let Some(Block { header, .. }) = block else { return Ok(None) };
            if header.number != number {
                let problem = format!("asked for block {number}, got block {}", header.number);
                return Err(ChainError::Nonsense { method, problem });
            }
            let block = BlockRef { number, hash: header.hash, timestamp: header.timestamp };
            let (logs_bloom, receipts_root) = (header.logs_bloom, header.receipts_root);
            let proved = header.inner.hash_slow() == header.hash;
            Ok(Some(Header { block, logs_bloom, receipts_root, proved }))
        })
        .await
    }

    /// All logs of a block, if its receipts lead to the root in its header; `None` where they cannot be had, are of
    /// a type that is not known, or do not lead there.
    ///
    /// # Errors
    /// What the node says and asking again may mend.
    pub async fn proved_logs(&self, header: &Header) -> Result<Option<Vec<NodeLog>>, ChainError> {
        let receipts = match self.receipts(header.block.number).await {
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => {
                tracing::debug!(%error, "no receipts to check logs with");
                return Ok(None);
            }
            Ok(receipts) => receipts,
        };
        let Some(encoded) = receipts.iter().map(Receipt::encoded).collect::<Option<Vec<_>>>()
        else {
            return Ok(None);
        };
        if ordered_trie_root_encoded(&encoded) != header.receipts_root {
            return Ok(None);
        }
        let number = header.block.number;
        logs_of(receipts)
            .map(|log| log.checked(None, number..=number))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// All logs of a block, by way of its receipts, which no node finds too many.
    pub(crate) async fn logs_by_receipts(&self, number: u64) -> Result<Vec<NodeLog>, ChainError> {
        let receipts = self.receipts(number).await?;
        logs_of(receipts).map(|log| log.checked(None, number..=number)).collect()
    }

    async fn receipts(&self, number: u64) -> Result<Vec<Receipt>, ChainError> {
        let method = "eth_getBlockReceipts";
        self.ask(|endpoint| async move {
            let at = BlockNumberOrTag::Number(number);
            let answer: Option<Vec<Receipt>> = endpoint
                .provider
                .raw_request(method.into(), (at,))
                .await
                .map_err(|e| ChainError::from_rpc(&endpoint.url, method, e))?;
            answer.ok_or(ChainError::Moved { number })
        })
        .await
    }
}

fn logs_of(receipts: Vec<Receipt>) -> impl Iterator<Item = ToldLog> {
    receipts.into_iter().flat_map(|receipt| receipt.logs)
}

/// A transaction, as far as it tells what it created.
#[derive(Debug, Deserialize)]
struct Transaction {
    from: Address,
    to: Option<Address>,
    nonce: String,
    input: Bytes,
}

#[derive(Debug, Deserialize)]
struct FullBlock {
    transactions: Vec<Transaction>,
}

impl Node {
    /// What a contract was created with, code and arguments, if a transaction of this block created it directly.
    ///
    /// # Errors
    /// What the node says.
    pub async fn creation_input(
        &self,
        created: Address,
        number: u64,
    ) -> Result<Option<Bytes>, ChainError> {
        let method = "eth_getBlockByNumber";
        self.ask(|endpoint| async move {
            let params = (BlockNumberOrTag::Number(number), true);
            let block: Option<FullBlock> = (endpoint.provider.raw_request(method.into(), params))
                .await
                .map_err(|e| ChainError::from_rpc(&endpoint.url, method, e))?;
            let FullBlock { transactions } = block.ok_or(ChainError::Moved { number })?;
            let created_it = |t: &Transaction| {
                t.to.is_none()
                    && crate::header::number(&t.nonce).is_some_and(|n| t.from.create(n) == created)
            };
            Ok(transactions.into_iter().find(created_it).map(|t| t.input))
        })
        .await
    }
}
