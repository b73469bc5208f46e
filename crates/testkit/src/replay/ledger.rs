//! A chain, packed: what a million logs take is some 100 MB.

use super::state::{Call, Moment, States};
use alloy::{
    consensus::{
        EMPTY_OMMER_ROOT_HASH, Eip658Value, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom,
        proofs::calculate_receipt_root,
    },
    primitives::{Address, B256, Bloom, Bytes, KECCAK256_EMPTY, Log, TxKind, keccak256},
};
use eyre::{OptionExt, Result, bail, ensure};
use revm::context::result::ExecutionResult;
use std::{collections::HashMap, ops::Range};

/// No word: an address and a topic more than there is.
const NONE: u32 = u32::MAX;

/// A block and where its transactions stand.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) header: Header,
    pub(super) hash: B256,
    pub(super) transactions: Range<usize>,
}

/// A transaction that was included, and what became of it.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) hash: B256,
    pub(super) from: Address,
    pub(super) to: Option<Address>,
    pub(super) nonce: u64,
    pub(super) gas_used: u64,
    pub(super) kind: u8,
    pub(super) succeeded: bool,
    input: Range<usize>,
    pub(super) logs: Range<usize>,
}

/// A log, in words by their numbers.
#[derive(Debug)]
struct Packed {
    address: u32,
    topics: [u32; 4],
    data: Range<usize>,
}

/// A transaction that is about to be included.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) from: Address,
    pub(super) to: Option<Address>,
    pub(super) input: Bytes,
}

/// A chain from its first block on, each of which is valid as far as anybody can tell from headers, receipts, code,
/// storage and calls; its roots of transactions and of state are of nothing.
#[derive(Debug)]
pub struct Ledger {
    pub(super) chain_id: u64,
    pub(super) blocks: Vec<Block>,
    pub(super) transactions: Vec<Transaction>,
    pub(super) states: States,
    logs: Vec<Packed>,
    words: Vec<B256>,
    numbers: HashMap<B256, u32>,
    bytes: Vec<u8>,
}

impl Ledger {
    /// A chain without a block.
    pub(super) fn new(chain_id: u64) -> Self {
        Self {
            chain_id,
            blocks: Vec::new(),
            transactions: Vec::new(),
            states: States::default(),
            logs: Vec::new(),
            words: Vec::new(),
            numbers: HashMap::new(),
            bytes: Vec::new(),
        }
    }

    /// The number of the newest block.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.blocks.len().saturating_sub(1) as u64
    }

    /// The hash of a block; `None` for one that there is not.
    #[must_use]
    pub fn hash(&self, number: u64) -> Option<B256> {
        Some(self.blocks.get(usize::try_from(number).ok()?)?.hash)
    }

    /// How many logs there are.
    #[must_use]
    pub const fn logs(&self) -> usize {
        self.logs.len()
    }

    /// The transactions of a block.
    pub(super) fn transactions_of(&self, block: &Block) -> &[Transaction] {
        self.transactions.get(block.transactions.clone()).unwrap_or_default()
    }

    /// The places of the logs of a block.
    pub(super) fn logs_of(&self, block: &Block) -> Range<usize> {
        match self.transactions_of(block) {
            [first, .., last] => first.logs.start..last.logs.end,
            [only] => only.logs.clone(),
            [] => 0..0,
        }
    }

    /// The number of a word, if any log has it.
    pub(super) fn number(&self, word: &B256) -> Option<u32> {
        self.numbers.get(word).copied()
    }

    /// The numbers of the words of a log: its emitter, and its topics as far as it has any.
    pub(super) fn words_of(&self, log: usize) -> Option<(u32, [u32; 4])> {
        self.logs.get(log).map(|log| (log.address, log.topics))
    }

    /// A log as it was emitted: emitter, topics, and the rest.
    pub(super) fn log(&self, log: usize) -> Option<(Address, impl Iterator<Item = &B256>, &[u8])> {
        let log = self.logs.get(log)?;
        let word = |number: &u32| self.words.get(usize::try_from(*number).ok()?);
        let address = Address::from_word(*word(&log.address)?);
        Some((address, log.topics.iter().filter_map(word), self.bytes.get(log.data.clone())?))
    }

    /// What a transaction was sent with.
    pub(super) fn input(&self, transaction: &Transaction) -> &[u8] {
        self.bytes.get(transaction.input.clone()).unwrap_or_default()
    }

    fn word(&mut self, word: B256) -> Result<u32> {
        if let Some(number) = self.numbers.get(&word) {
            return Ok(*number);
        }
        let number = u32::try_from(self.words.len()).ok().filter(|number| *number != NONE);
        let number = number.ok_or_eyre("too many words")?;
        self.words.push(word);
        self.numbers.insert(word, number);
        Ok(number)
    }

    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    fn pack(&mut self, log: &Log) -> Result<()> {
        let address = self.word(log.address.into_word())?;
        let mut topics = [NONE; 4];
        for (number, topic) in topics.iter_mut().zip(log.topics()) {
            *number = self.word(*topic)?;
        }
        let data = self.keep(&log.data.data);
        self.logs.push(Packed { address, topics, data });
        Ok(())
    }

    /// Executes a transaction in the block that comes next, and gives what it emitted and how much gas it took.
    pub(super) fn include(
        &mut self,
        sent: &Sent,
        (hash, kind): (B256, u8),
        gas: u64,
        timestamp: u64,
    ) -> Result<&Transaction> {
        let number = self.blocks.len() as u64;
        let moment = Moment { chain_id: self.chain_id, number, timestamp };
        let to = sent.to.map_or(TxKind::Create, TxKind::Call);
        let call = Call { from: sent.from, to, input: sent.input.clone(), gas };
        let nonce = self.states.nonce(sent.from);
        let (result, changes) = self.states.execute(call, number, moment)?;
        self.states.commit(changes, number);
        let start = self.logs.len();
        if let ExecutionResult::Success { logs, .. } = &result {
            for log in logs {
                self.pack(log)?;
            }
        }
        let input = self.keep(&sent.input);
        self.transactions.push(Transaction {
            hash,
            from: sent.from,
            to: sent.to,
            nonce,
            gas_used: result.tx_gas_used(),
            kind,
            succeeded: result.is_success(),
            input,
            logs: start..self.logs.len(),
        });
        self.transactions.last().ok_or_eyre("a transaction was added")
    }

    /// The transactions that no block has yet.
    fn pending(&self) -> Range<usize> {
        self.blocks.last().map_or(0, |block| block.transactions.end)..self.transactions.len()
    }

    /// Makes a block of what was included since the last one.
    pub(super) fn seal(&mut self, timestamp: u64) -> Result<()> {
        let transactions = self.pending();
        let receipts = self.receipts(transactions.clone());
        let logs_bloom =
            receipts.iter().fold(Bloom::ZERO, |bloom, receipt| bloom | *receipt.logs_bloom());
        let header = Header {
            parent_hash: self.blocks.last().map(|block| block.hash).unwrap_or_default(),
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            number: self.blocks.len() as u64,
            timestamp,
            gas_limit: 1 << 40,
            gas_used: receipts.last().map_or(0, ReceiptEnvelope::cumulative_gas_used),
            logs_bloom,
            receipts_root: calculate_receipt_root(&receipts),
            base_fee_per_gas: Some(0),
            ..Header::default()
        };
        let hash = header.hash_slow();
        self.blocks.push(Block { header, hash, transactions });
        Ok(())
    }

    /// Makes a block of what was included since the last one, with a header that was made elsewhere.
    pub(super) fn seal_as(&mut self, header: Header) -> Result<()> {
        let transactions = self.pending();
        let number = header.number;
        ensure!(number == self.blocks.len() as u64, "block {number} is out of turn");
        let root = calculate_receipt_root(&self.receipts(transactions.clone()));
        if root != header.receipts_root {
            bail!("block {number} holds something else than what its transactions come to here");
        }
        let hash = header.hash_slow();
        self.blocks.push(Block { header, hash, transactions });
        Ok(())
    }

    /// The receipts of some transactions, which are those of one block.
    pub(super) fn receipts(&self, transactions: Range<usize>) -> Vec<ReceiptEnvelope> {
        let mut cumulative_gas_used = 0;
        let mut receipts = Vec::with_capacity(transactions.len());
        for transaction in self.transactions.get(transactions).unwrap_or_default() {
            cumulative_gas_used += transaction.gas_used;
            let logs: Vec<Log> = (transaction.logs.clone())
                .filter_map(|log| {
                    let (address, topics, data) = self.log(log)?;
                    let data = Bytes::copy_from_slice(data);
                    Log::new(address, topics.copied().collect(), data)
                })
                .collect();
            let status = Eip658Value::Eip658(transaction.succeeded);
            let receipt: ReceiptWithBloom<_> = Receipt { status, cumulative_gas_used, logs }.into();
            receipts.push(match transaction.kind {
                0 => ReceiptEnvelope::Legacy(receipt),
                1 => ReceiptEnvelope::Eip2930(receipt),
                _ => ReceiptEnvelope::Eip1559(receipt),
            });
        }
        receipts
    }

    /// The address of the contract that a transaction created.
    pub(super) fn created(transaction: &Transaction) -> Option<Address> {
        transaction.to.is_none().then(|| transaction.from.create(transaction.nonce))
    }

    /// A hash for a transaction that nobody signed.
    pub(super) fn hash_of_next(&self) -> B256 {
        let place = self.transactions.len() as u64;
        keccak256([KECCAK256_EMPTY.as_slice(), &place.to_be_bytes()].concat())
    }
}
