//! The state of a chain after each of its blocks, and the EVM over it.

use alloy::primitives::{Address, B256, Bytes, KECCAK256_EMPTY, TxKind, U256};
use eyre::{Result, eyre};
use revm::{
    Context, DatabaseRef, ExecuteEvm, MainBuilder, MainContext,
    bytecode::Bytecode,
    context::{BlockEnv, TxEnv, result::ExecutionResult},
    database_interface::WrapDatabaseRef,
    state::{AccountInfo, EvmState},
};
use std::{collections::HashMap, convert::Infallible};

/// What was at a place, from the block in which it came there until the next.
type Since<T> = Vec<(u64, T)>;

/// Code and storage by the block in which they changed.
#[derive(Debug, Default)]
pub(super) struct States {
    /// Hashes of code by account.
    codes: HashMap<Address, Since<B256>>,
    slots: HashMap<(Address, U256), Since<U256>>,
    known: HashMap<B256, Bytecode>,
    /// Only the newest: addresses of contracts follow from them.
    nonces: HashMap<Address, u64>,
}

/// The block in which something is executed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) chain_id: u64,
    pub(super) number: u64,
    pub(super) timestamp: u64,
}

/// Who calls whom with what.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) from: Address,
    pub(super) to: TxKind,
    pub(super) input: Bytes,
    pub(super) gas: u64,
}

/// The last of these that was there after a block.
fn at<T: Copy>(since: Option<&Since<T>>, block: u64) -> Option<T> {
    let since = since?;
    let until = since.partition_point(|(from, _)| *from <= block);
    since.get(until.checked_sub(1)?).map(|(_, what)| *what)
}

/// Adds what came with a block; the last word within a block counts.
fn put<T>(since: &mut Since<T>, block: u64, what: T) {
    match since.last_mut() {
        Some((from, last)) if *from == block => *last = what,
        _ => since.push((block, what)),
    }
}

impl States {
    /// The code of an account after a block; empty where there is none.
    pub(super) fn code(&self, address: Address, block: u64) -> Bytes {
        let hash = at(self.codes.get(&address), block);
        hash.and_then(|hash| self.known.get(&hash))
            .map(Bytecode::original_bytes)
            .unwrap_or_default()
    }

    /// A slot of an account after a block.
    pub(super) fn slot(&self, address: Address, slot: U256, block: u64) -> U256 {
        at(self.slots.get(&(address, slot)), block).unwrap_or_default()
    }

    /// How many transactions an account has sent, or how many contracts it created.
    pub(super) fn nonce(&self, address: Address) -> u64 {
        self.nonces.get(&address).copied().unwrap_or_default()
    }

    /// What a call comes to on the state after block `after`, and what it would change.
    ///
    /// # Errors
    /// If it cannot even begin, for want of gas for example.
    pub(super) fn execute(
        &self,
        call: Call,
        after: u64,
        moment: Moment,
    ) -> Result<(ExecutionResult, EvmState)> {
        let block = BlockEnv {
            number: U256::from(moment.number),
            timestamp: U256::from(moment.timestamp),
            gas_limit: u64::MAX,
            basefee: 0,
            ..BlockEnv::default()
        };
        let context = Context::mainnet()
            .with_db(WrapDatabaseRef(After { states: self, block: after }))
            .with_block(block)
            .modify_cfg_chained(|cfg| {
                cfg.chain_id = moment.chain_id;
                // Whoever signed it knew it; a call has none.
                cfg.disable_nonce_check = true;
                cfg.tx_gas_limit_cap = Some(u64::MAX);
            });
        let transaction = TxEnv::builder()
            .caller(call.from)
            .kind(call.to)
            .data(call.input)
            .gas_limit(call.gas)
            .gas_price(0)
            .chain_id(Some(moment.chain_id))
            .build()
            .map_err(|error| eyre!("{error:?}"))?;
        let executed = context.build_mainnet().transact(transaction)?;
        Ok((executed.result, executed.state))
    }

    /// Takes over what a transaction changed in a block.
    pub(super) fn commit(&mut self, changes: EvmState, block: u64) {
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            self.nonces.insert(address, account.info.nonce);
            let hash = account.info.code_hash;
            if let Some(code) = account.info.code.filter(|_| hash != KECCAK256_EMPTY)
                && at(self.codes.get(&address), block) != Some(hash)
            {
                put(self.codes.entry(address).or_default(), block, hash);
                self.known.entry(hash).or_insert(code);
            }
            for (slot, value) in account.storage {
                if value.is_changed() {
                    let since = self.slots.entry((address, slot)).or_default();
                    put(since, block, value.present_value);
                }
            }
        }
    }
}

/// The state after a block, as the EVM asks for it.
struct After<'a> {
    states: &'a States,
    block: u64,
}

impl DatabaseRef for After<'_> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        let nonce = self.states.nonce(address);
        let code_hash = at(self.states.codes.get(&address), self.block).unwrap_or(KECCAK256_EMPTY);
        let code = self.states.known.get(&code_hash).cloned();
        Ok(Some(AccountInfo { nonce, code_hash, code, ..AccountInfo::default() }))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Infallible> {
        Ok(self.states.known.get(&code_hash).cloned().unwrap_or_default())
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        Ok(self.states.slot(address, slot, self.block))
    }

    fn block_hash_ref(&self, _: u64) -> Result<B256, Infallible> {
        // No contract here asks for one.
        Ok(B256::ZERO)
    }
}
